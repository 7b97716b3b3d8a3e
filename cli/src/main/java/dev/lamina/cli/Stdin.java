package dev.lamina.cli;

import dev.lamina.LaminaException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;

/** What is piped in, as text; bytes that are no UTF-8 are refused, not replaced. */
final class Stdin {
  private Stdin() {}

  /**
   * All of stdin.
   *
   * @param command who asks, for the error
   * @throws LaminaException if it is not UTF-8; says where
   */
  static String text(String command) throws IOException {
    return decode(System.in.readAllBytes(), command + ": stdin");
  }

  /**
   * Bytes as text.
   *
   * @param what names them in the error
   * @throws LaminaException if they are not UTF-8; says where
   */
  static String decode(byte[] bytes, String what) {
    CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
    ByteBuffer from = ByteBuffer.wrap(bytes);
    CharBuffer to = CharBuffer.allocate(bytes.length);
    CoderResult result = decoder.decode(from, to, true);
    if (result.isError()) {
      throw new LaminaException(
          "%s: expected UTF-8, got the byte 0x%02x at offset %d"
              .formatted(what, bytes[from.position()], from.position()));
    }
    return to.flip().toString();
  }
}
