package dev.lamina.chat;

import java.util.Arrays;

/**
 * Incremental decoding over a tokenizer that only decodes whole lists: decodes a short window
 * twice, without and with the newest ids, and gives the difference. The window's first part is text
 * that was given already; it keeps the decoder from taking the window for the start of a text.
 */
final class WindowDetokenizer implements Detokenizer {
  private static final int MAX_HELD = 16;

  /** Decodes a list of ids by itself. */
  interface ListDecoder {
    String decode(int[] ids);
  }

  private final ListDecoder decoder;
  private int[] window = new int[8];
  private int size;
  // How many ids of the window were given as text already.
  private int given;

  WindowDetokenizer(ListDecoder decoder) {
    this.decoder = decoder;
  }

  @Override
  public String append(int id) {
    if (size == window.length) {
      window = Arrays.copyOf(window, size * 2);
    }
    window[size++] = id;
    String before = decoder.decode(Arrays.copyOf(window, given));
    String after = decoder.decode(Arrays.copyOf(window, size));
    boolean certain = after.length() > before.length() && !after.endsWith("\uFFFD");
    if (!certain && size - given < MAX_HELD) {
      return "";
    }
    System.arraycopy(window, given, window, 0, size - given);
    size -= given;
    given = size;
    return difference(before, after);
  }

  @Override
  public String flush() {
    String before = decoder.decode(Arrays.copyOf(window, given));
    String after = decoder.decode(Arrays.copyOf(window, size));
    size = 0;
    given = 0;
    return difference(before, after);
  }

  private static String difference(String before, String after) {
    return after.length() > before.length() ? after.substring(before.length()) : "";
  }
}
