package dev.lamina;

import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.spi.ir.DType;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Weights that the IR has no format for: as floats they take more memory than their file. */
final class DecodedWeights {
  private DecodedWeights() {}

  /**
   * What a user is told of them.
   *
   * @param tensors as they are used
   * @return a line for each format in the file, in the order of their names
   */
  static List<String> lines(Collection<StoredTensor> tensors) {
    Map<String, long[]> decoded = new TreeMap<>();
    for (StoredTensor t : tensors) {
      boolean isFloats = t.type().isDense() && t.type().dtype() == DType.F32;
      if (isFloats && !t.format().equals(DType.F32.text())) {
        long[] sums = decoded.computeIfAbsent(t.format(), f -> new long[3]);
        sums[0]++;
        sums[1] += t.storedBytes();
        sums[2] += t.type().byteSize();
      }
    }
    return decoded.entrySet().stream()
        .map(e ->
            "%s: %d tensors are decoded to f32, %d MiB become %d"
                .formatted(
                    e.getKey(), e.getValue()[0], e.getValue()[1] >> 20, e.getValue()[2] >> 20))
        .toList();
  }
}
