package dev.lamina.chat;

import java.text.Normalizer.Form;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;

/** The {@code normalizer} of a {@code tokenizer.json}: text to text, before it is split. */
sealed interface Normalizer {

  /** Changes nothing. */
  Normalizer NONE = new Sequence(List.of());

  String normalize(String text);

  /** Reads the node; null and absent give a normalizer that changes nothing. */
  static Normalizer read(JsonNode node) {
    if (node.isNull() || node.isMissingNode()) {
      return NONE;
    }
    String type = node.path("type").asString("");
    return switch (type) {
      case "NFC", "NFD", "NFKC", "NFKD" -> new UnicodeForm(Form.valueOf(type));
      case "Lowercase" -> new Lowercase();
      case "Strip" ->
          new Strip(
              node.path("strip_left").asBoolean(false), node.path("strip_right").asBoolean(false));
      case "Prepend" -> new Prepend(node.path("prepend").asString(""));
      case "Replace" ->
          new Replace(
              PreTokenizer.pattern(node.path("pattern")), node.path("content").asString(""));
      case "Sequence" -> {
        List<Normalizer> parts = new ArrayList<>();
        for (JsonNode part : node.path("normalizers")) {
          parts.add(read(part));
        }
        yield new Sequence(List.copyOf(parts));
      }
      default -> throw new UnsupportedPartException("normalizer " + type);
    };
  }

  /** One of Unicode's normalization forms. */
  record UnicodeForm(Form form) implements Normalizer {
    @Override
    public String normalize(String text) {
      // Below U+0300 all text is in NFC, below U+0080 in every form; Java's tables load slowly.
      int limit = form == Form.NFC ? 0x300 : 0x80;
      for (int i = 0; i < text.length(); i++) {
        if (text.charAt(i) >= limit) {
          return java.text.Normalizer.normalize(text, form);
        }
      }
      return text;
    }
  }

  /** Lower case, each character by itself. */
  record Lowercase() implements Normalizer {
    @Override
    public String normalize(String text) {
      StringBuilder out = new StringBuilder(text.length());
      text.codePoints().forEach(c -> out.append(Character.toString(c).toLowerCase(Locale.ROOT)));
      return out.toString();
    }
  }

  /** Removes white space at the ends. */
  record Strip(boolean left, boolean right) implements Normalizer {
    @Override
    public String normalize(String text) {
      int start = 0;
      int end = text.length();
      while (left && start < end && CodePoints.isWhitespace(text.charAt(start))) {
        start++;
      }
      while (right && start < end && CodePoints.isWhitespace(text.charAt(end - 1))) {
        end--;
      }
      return text.substring(start, end);
    }
  }

  /** Puts a text before every text that is not empty. */
  record Prepend(String prefix) implements Normalizer {
    @Override
    public String normalize(String text) {
      return text.isEmpty() ? text : prefix + text;
    }
  }

  /** Replaces every match. */
  record Replace(Pattern pattern, String content) implements Normalizer {
    @Override
    public String normalize(String text) {
      return pattern.matcher(text).replaceAll(Matcher.quoteReplacement(content));
    }
  }

  /** One after the other. */
  record Sequence(List<Normalizer> parts) implements Normalizer {
    @Override
    public String normalize(String text) {
      String normalized = text;
      for (Normalizer part : parts) {
        normalized = part.normalize(normalized);
      }
      return normalized;
    }
  }
}
