package dev.lamina.spi.ir;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Tokens of graph text, with the line for messages. */
final class GraphLexer {
  private static final String PLACE = "graph text line ";
  private static final Pattern TOKEN =
      Pattern.compile(
          "\\s*(\"(?:[^\"\\\\]|\\\\.)*\""
              + "|0x[0-9a-f]+"
              + "|-?(?:\\d+\\.\\d+(?:E-?\\d+)?|Infinity|\\d+)"
              + "|NaN|\\.\\.|[A-Za-z_][A-Za-z0-9_.]*|[^\\s])");

  private final String text;
  private final Matcher matcher;
  private int position;

  GraphLexer(String text) {
    this.text = text;
    this.matcher = TOKEN.matcher(text);
  }

  String peek() {
    matcher.region(position, text.length());
    return matcher.lookingAt() ? matcher.group(1) : "";
  }

  String next() {
    String token = peek();
    if (token.isEmpty()) {
      throw error("more text");
    }
    position = matcher.end();
    return token;
  }

  boolean accept(String token) {
    if (peek().equals(token)) {
      position = matcher.end();
      return true;
    }
    return false;
  }

  void expect(String token) {
    if (!accept(token)) {
      throw error("'" + token + "', got '" + peek() + "'");
    }
  }

  /** Reads exactly this text, which may be several tokens. */
  void expectText(String expected) {
    GraphLexer tokens = new GraphLexer(expected);
    while (!tokens.peek().isEmpty()) {
      String want = tokens.next();
      if (!accept(want)) {
        throw error("type " + expected + ", got '" + peek() + "' for '" + want + "'");
      }
    }
  }

  void expectEnd() {
    if (!peek().isEmpty()) {
      throw error("the end, got '" + peek() + "'");
    }
  }

  String string() {
    String token = next();
    if (!token.startsWith("\"")) {
      throw error("a quoted string, got '" + token + "'");
    }
    return token.substring(1, token.length() - 1).replace("\\\"", "\"").replace("\\\\", "\\");
  }

  boolean isInteger() {
    return peek().matches("-?\\d+");
  }

  long integer() {
    if (!isInteger()) {
      throw error("an integer, got '" + peek() + "'");
    }
    return Long.parseLong(next());
  }

  long hex() {
    String token = next();
    if (!token.startsWith("0x")) {
      throw error("a hexadecimal number, got '" + token + "'");
    }
    return Long.parseUnsignedLong(token.substring(2), 16);
  }

  double number() {
    String token = next();
    try {
      return Double.parseDouble(token);
    } catch (NumberFormatException e) {
      throw error("a number, got '" + token + "'");
    }
  }

  boolean bool() {
    String token = next();
    if (!token.equals("true") && !token.equals("false")) {
      throw error("true or false, got '" + token + "'");
    }
    return token.equals("true");
  }

  GraphException error(String expected) {
    return new GraphException(place() + "expected " + expected);
  }

  /** An exception with the line in its message, if it has none yet. */
  GraphException located(GraphException e) {
    String message = String.valueOf(e.getMessage());
    return message.startsWith(PLACE) ? e : new GraphException(place() + message);
  }

  private String place() {
    long line = text.substring(0, position).lines().count();
    return PLACE + Math.max(1, line) + ": ";
  }
}
