package dev.lamina.chat;

/**
 * UTF-8 bytes to text, a byte at a time: a character comes out with its last byte. Bytes that form
 * none become U+FFFD, one for each maximal part of a character (Unicode 3.9, as the WHATWG decoder
 * does) or one for each byte.
 */
final class Utf8Stream {
  private static final char REPLACEMENT = '\uFFFD';

  private final boolean replacePerByte;
  private int codePoint;
  private int pending;
  private int missing;
  // Bounds of the next continuation byte; the first one of a character can be narrower.
  private int lower = 0x80;
  private int upper = 0xBF;

  Utf8Stream(boolean replacePerByte) {
    this.replacePerByte = replacePerByte;
  }

  void append(byte[] bytes, StringBuilder out) {
    for (byte b : bytes) {
      append(b & 0xFF, out);
    }
  }

  void append(int b, StringBuilder out) {
    if (missing > 0) {
      if (b >= lower && b <= upper) {
        lower = 0x80;
        upper = 0xBF;
        codePoint = codePoint << 6 | b & 0x3F;
        pending++;
        if (--missing == 0) {
          out.appendCodePoint(codePoint);
          pending = 0;
        }
        return;
      }
      flush(out);
    }
    lead(b, out);
  }

  /** Replaces a character that is not whole. */
  void flush(StringBuilder out) {
    int count = replacePerByte ? pending : Math.min(pending, 1);
    for (int i = 0; i < count; i++) {
      out.append(REPLACEMENT);
    }
    pending = 0;
    missing = 0;
    lower = 0x80;
    upper = 0xBF;
  }

  private void lead(int b, StringBuilder out) {
    if (b < 0x80) {
      out.append((char) b);
      return;
    }
    if (b < 0xC2 || b > 0xF4) {
      out.append(REPLACEMENT);
      return;
    }
    pending = 1;
    if (b < 0xE0) {
      missing = 1;
      codePoint = b & 0x1F;
    } else if (b < 0xF0) {
      missing = 2;
      codePoint = b & 0x0F;
      lower = b == 0xE0 ? 0xA0 : 0x80;
      upper = b == 0xED ? 0x9F : 0xBF;
    } else {
      missing = 3;
      codePoint = b & 0x07;
      lower = b == 0xF0 ? 0x90 : 0x80;
      upper = b == 0xF4 ? 0x8F : 0xBF;
    }
  }
}
