package dev.lamina.chat;

/** Unicode's own notions where Java's methods mean something else. */
final class CodePoints {
  private CodePoints() {}

  /** Unicode's White_Space; Character.isWhitespace leaves out no-break spaces. */
  static boolean isWhitespace(int codePoint) {
    return codePoint >= 0x09 && codePoint <= 0x0D
        || codePoint == 0x20
        || codePoint == 0x85
        || codePoint >= 0xA0 && Character.isSpaceChar(codePoint);
  }

  /** A character of a word: letters, marks, digits, connectors. */
  static boolean isWord(int codePoint) {
    return switch (Character.getType(codePoint)) {
      case Character.NON_SPACING_MARK,
          Character.COMBINING_SPACING_MARK,
          Character.ENCLOSING_MARK,
          Character.DECIMAL_DIGIT_NUMBER,
          Character.CONNECTOR_PUNCTUATION ->
          true;
      default -> Character.isAlphabetic(codePoint) || codePoint == 0x200C || codePoint == 0x200D;
    };
  }

  /** The text with U+FFFD for each lone surrogate; the text itself where there is none. */
  static String replaceLoneSurrogates(String text) {
    for (int i = 0; i < text.length(); i++) {
      if (Character.isSurrogate(text.charAt(i))) {
        return replaceLoneSurrogates(text, i);
      }
    }
    return text;
  }

  private static String replaceLoneSurrogates(String text, int from) {
    StringBuilder out = new StringBuilder(text);
    for (int i = from; i < out.length(); i++) {
      if (Character.isSurrogate(out.charAt(i))) {
        if (i + 1 < out.length() && Character.isSurrogatePair(out.charAt(i), out.charAt(i + 1))) {
          i++;
        } else {
          out.setCharAt(i, '\uFFFD');
        }
      }
    }
    return out.toString();
  }
}
