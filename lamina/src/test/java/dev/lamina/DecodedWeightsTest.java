package dev.lamina;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.QuantFormat;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.junit.jupiter.api.Test;

class DecodedWeightsTest {
  private static StoredTensor stored(String name, TensorType type, String format, long bytes) {
    return StoredTensor.converted(name, type, format, bytes, () -> MemorySegment.NULL, "file");
  }

  @Test
  void lines_tellOfWhatBecomesFloatsOnly() {
    TensorType floats = TensorType.of(DType.F32, 1024, 1024);
    TensorType blocks = TensorType.blocked(QuantFormat.Q4_0, Shape.of(1024, 1024));
    List<StoredTensor> tensors =
        List.of(
            stored("a", floats, "awq", 1 << 20),
            stored("b", floats, "awq", 1 << 20),
            stored("c", floats, "f32", floats.byteSize()),
            // Codes, scales and zero points of another form take other bytes than the blocks.
            stored("d", blocks, "gptq", blocks.byteSize() + 4096));
    assertThat(DecodedWeights.lines(tensors))
        .containsExactly("awq: 2 tensors are decoded to f32, 2 MiB become 8");
  }
}
