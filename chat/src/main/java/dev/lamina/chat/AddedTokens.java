package dev.lamina.chat;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import tools.jackson.databind.JsonNode;

/**
 * The {@code added_tokens}: found whole in a text before anything else looks at it, the leftmost
 * first and of two that begin together the longer. Those marked as normalized are looked for in the
 * normalized text, the others in the text as given.
 */
final class AddedTokens {

  /**
   * One added token.
   *
   * @param singleWord whether it is found only between characters that belong to no word
   * @param stripLeft whether it takes the white space before it
   * @param stripRight whether it takes the white space after it
   * @param normalized whether it is looked for in the normalized text
   * @param special whether decoding can leave it out
   */
  record AddedToken(
      int id,
      String content,
      boolean singleWord,
      boolean stripLeft,
      boolean stripRight,
      boolean normalized,
      boolean special) {

    static AddedToken read(JsonNode node) {
      return new AddedToken(
          node.path("id").asInt(-1),
          node.path("content").asString(""),
          node.path("single_word").asBoolean(false),
          node.path("lstrip").asBoolean(false),
          node.path("rstrip").asBoolean(false),
          node.path("normalized").asBoolean(false),
          node.path("special").asBoolean(false));
    }
  }

  /** Takes a text's parts in order. */
  interface Parts {
    /** Text between added tokens, never empty, which begins at {@code start}. */
    void text(String text, int start);

    /** An added token. */
    void token(int id);
  }

  private final List<AddedToken> tokens;
  private final Trie asGiven = new Trie();
  private final Trie normalized = new Trie();
  private final BitSet special = new BitSet();

  private AddedTokens(List<AddedToken> tokens, Normalizer normalizer) {
    this.tokens = tokens;
    for (AddedToken token : tokens) {
      if (token.special()) {
        special.set(token.id());
      }
      if (token.normalized()) {
        normalized.add(normalizer.normalize(token.content()), token);
      } else {
        asGiven.add(token.content(), token);
      }
    }
  }

  static AddedTokens read(TokenizerJson json, Normalizer normalizer) {
    List<AddedToken> tokens = new ArrayList<>();
    for (JsonNode node : json.rest().path("added_tokens")) {
      AddedToken token = AddedToken.read(node);
      if (token.id() < 0) {
        throw TokenizerJson.invalid(
            json.file(),
            "added_tokens["
                + tokens.size()
                + "].id: expected 0 or more, got "
                + node.path("id")
                + "; fetch the file again");
      }
      tokens.add(token);
    }
    return new AddedTokens(List.copyOf(tokens), normalizer);
  }

  List<AddedToken> tokens() {
    return tokens;
  }

  boolean isSpecial(int id) {
    return id >= 0 && special.get(id);
  }

  /** Cuts a text as given at the tokens that are not normalized. */
  void splitGiven(String text, Parts parts) {
    split(text, asGiven, parts);
  }

  /** Cuts a normalized text at the tokens that are normalized. */
  void splitNormalized(String text, Parts parts) {
    split(text, normalized, parts);
  }

  private static void split(String text, Trie trie, Parts parts) {
    int done = 0;
    int at = 0;
    while (at < text.length()) {
      int found = trie.longest(text, at);
      if (found < 0) {
        at++;
        continue;
      }
      AddedToken token = trie.token(found);
      int start = at;
      int end = at + trie.length(found);
      at = end;
      if (token.singleWord() && !standsAlone(text, start, end)) {
        continue;
      }
      if (token.stripLeft()) {
        while (start > done && CodePoints.isWhitespace(text.charAt(start - 1))) {
          start--;
        }
      }
      if (token.stripRight()) {
        while (end < text.length() && CodePoints.isWhitespace(text.charAt(end))) {
          end++;
        }
      }
      if (start > done) {
        parts.text(text.substring(done, start), done);
      }
      parts.token(token.id());
      done = end;
      at = Math.max(at, end);
    }
    if (done < text.length()) {
      parts.text(text.substring(done), done);
    }
  }

  private static boolean standsAlone(String text, int start, int end) {
    return (start == 0 || !CodePoints.isWord(text.codePointBefore(start)))
        && (end == text.length() || !CodePoints.isWord(text.codePointAt(end)));
  }
}
