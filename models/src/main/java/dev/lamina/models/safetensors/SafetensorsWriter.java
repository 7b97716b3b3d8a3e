package dev.lamina.models.safetensors;

import dev.lamina.models.checkpoint.TensorStream;
import dev.lamina.models.checkpoint.TensorStream.Place;
import dev.lamina.spi.ir.TensorType;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Writes one safetensors file: the header first, then each tensor's bytes as they come, in pieces
 * and in any order of tensors. The file appears under its name only when {@link #close} finds it
 * complete. For one thread.
 */
public final class SafetensorsWriter implements AutoCloseable {
  private static final JsonMapper JSON = JsonMapper.builder().build();

  private final TensorStream stream;

  private SafetensorsWriter(TensorStream stream) {
    this.stream = stream;
  }

  /**
   * Starts a file.
   *
   * @param target where it will stand; replaced if it exists
   * @param tensors name to type of every tensor, dense
   * @param metadata strings for {@code __metadata__}, may be empty
   * @return the writer
   * @throws IOException if the file cannot be written
   */
  public static SafetensorsWriter create(
      Path target, Map<String, TensorType> tensors, Map<String, String> metadata)
      throws IOException {
    Map<String, Place> places = new LinkedHashMap<>();
    byte[] header = header(tensors, metadata, places);
    long size = header.length + places.values().stream().mapToLong(Place::bytes).sum();
    return new SafetensorsWriter(TensorStream.create(target, header, places, size));
  }

  private static byte[] header(
      Map<String, TensorType> tensors, Map<String, String> metadata, Map<String, Place> places) {
    ObjectNode root = JSON.createObjectNode();
    if (!metadata.isEmpty()) {
      ObjectNode strings = root.putObject("__metadata__");
      metadata.forEach(strings::put);
    }
    // Widest elements first, so that every tensor begins at a multiple of its element size.
    List<Map.Entry<String, TensorType>> sorted =
        tensors.entrySet().stream()
            .sorted(
                Comparator.comparingInt(
                    (Map.Entry<String, TensorType> e) -> -e.getValue().dtype().bytes()))
            .toList();
    long at = 0;
    for (Map.Entry<String, TensorType> e : sorted) {
      TensorType type = e.getValue();
      if (!type.isDense()) {
        throw new IllegalArgumentException(
            "write safetensors: tensor '%s': expected a dense tensor, got %s"
                .formatted(e.getKey(), type));
      }
      ObjectNode entry = root.putObject(e.getKey());
      entry.put("dtype", SafetensorsDType.name(type.dtype()));
      ArrayNode shape = entry.putArray("shape");
      type.shape().dims().forEach(d -> shape.add(d.upperBound()));
      entry.putArray("data_offsets").add(at).add(at + type.byteSize());
      at += type.byteSize();
    }
    byte[] json = root.toString().getBytes(StandardCharsets.UTF_8);
    // The length before the JSON, and blanks after it, so that the data begin at a multiple of 8.
    ByteBuffer header =
        ByteBuffer.allocate(8 + (json.length + 7) / 8 * 8).order(ByteOrder.LITTLE_ENDIAN);
    header.putLong(header.capacity() - 8L).put(json);
    while (header.hasRemaining()) {
      header.put((byte) ' ');
    }
    long begin = header.capacity();
    for (Map.Entry<String, TensorType> e : sorted) {
      places.put(e.getKey(), new Place(begin, e.getValue().byteSize()));
      begin += e.getValue().byteSize();
    }
    return header.array();
  }

  /**
   * Appends bytes to a tensor.
   *
   * @param name a tensor of this file
   * @param bytes the next bytes of it, row-major, little-endian
   * @throws IOException if the file cannot be written
   * @throws IllegalArgumentException if there is no such tensor or it has no room for them
   */
  public void append(String name, MemorySegment bytes) throws IOException {
    stream.append(name, bytes);
  }

  /**
   * Finishes the file and gives it its name; without all bytes of all tensors it is removed.
   *
   * @throws IOException if a tensor is incomplete or the file cannot be written
   */
  @Override
  public void close() throws IOException {
    stream.close();
  }
}
