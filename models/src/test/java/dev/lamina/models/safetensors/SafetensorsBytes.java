package dev.lamina.models.safetensors;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Writes files of the format by hand, broken ones too. */
final class SafetensorsBytes {
  private SafetensorsBytes() {}

  /** A file of a header and so many data bytes, counting up from 0. */
  static Path write(Path file, String header, int dataBytes) throws IOException {
    byte[] json = header.getBytes(StandardCharsets.UTF_8);
    return writeRaw(file, json.length, json, dataBytes);
  }

  /** A file whose stated header length need not be that of the header. */
  static Path writeRaw(Path file, long headerLength, byte[] header, int dataBytes)
      throws IOException {
    ByteBuffer bytes =
        ByteBuffer.allocate(8 + header.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN);
    bytes.putLong(headerLength).put(header);
    for (int i = 0; i < dataBytes; i++) {
      bytes.put((byte) i);
    }
    return Files.write(file, bytes.array());
  }

  /** A header entry. */
  static String entry(String name, String dtype, String shape, long begin, long end) {
    return "\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
        .formatted(name, dtype, shape, begin, end);
  }
}
