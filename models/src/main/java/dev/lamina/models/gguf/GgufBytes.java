package dev.lamina.models.gguf;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/** Grows the bytes before a file's data. */
final class GgufBytes {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();

  void u8(int value) {
    out.write(value);
  }

  void u32(int value) {
    little(value, 4);
  }

  void u64(long value) {
    little(value, 8);
  }

  void f32(float value) {
    u32(Float.floatToRawIntBits(value));
  }

  void text(String value) {
    byte[] utf8 = value.getBytes(StandardCharsets.UTF_8);
    u64(utf8.length);
    out.writeBytes(utf8);
  }

  private void little(long value, int width) {
    for (int i = 0; i < width; i++) {
      out.write((int) (value >>> 8 * i));
    }
  }

  byte[] toByteArray() {
    return out.toByteArray();
  }
}
