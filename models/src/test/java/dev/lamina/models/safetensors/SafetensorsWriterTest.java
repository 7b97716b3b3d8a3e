package dev.lamina.models.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.TensorType;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsWriterTest {
  @TempDir Path folder;

  @Test
  void close_leavesAFileThatReadsBack() throws Exception {
    Path file = folder.resolve("out.safetensors");
    Map<String, TensorType> types = new LinkedHashMap<>();
    types.put("flags", TensorType.of(DType.BOOL, 3));
    types.put("logits.\"x\"", TensorType.of(DType.F32, 2, 3));
    try (SafetensorsWriter w = SafetensorsWriter.create(file, types, Map.of("made", "here"))) {
      w.append("logits.\"x\"", MemorySegment.ofArray(new float[] {1, 2, 3}));
      w.append("flags", MemorySegment.ofArray(new byte[] {1, 0, 1}));
      w.append("logits.\"x\"", MemorySegment.ofArray(new float[] {4, 5, 6}));
      assertThat(file).doesNotExist();
    }
    try (SafetensorsCheckpoint c = SafetensorsCheckpoint.open(file)) {
      assertThat(c.metadata()).containsEntry("made", "here");
      assertThat(c.find("logits.\"x\"").data().toArray(ValueLayout.JAVA_FLOAT))
          .containsExactly(1, 2, 3, 4, 5, 6);
      assertThat(c.find("flags").data().toArray(ValueLayout.JAVA_BYTE)).containsExactly(1, 0, 1);
    }
    long header = Files.readAllBytes(file)[0] & 0xFF;
    assertThat(header % 8).as("header padded to 8 bytes").isZero();
  }

  @Test
  void append_splitsLargePieces() throws Exception {
    Path file = folder.resolve("out.safetensors");
    float[] values = new float[700_001];
    values[700_000] = 7;
    try (SafetensorsWriter w =
        SafetensorsWriter.create(
            file, Map.of("t", TensorType.of(DType.F32, values.length)), Map.of())) {
      w.append("t", MemorySegment.ofArray(values));
    }
    try (SafetensorsCheckpoint c = SafetensorsCheckpoint.open(file)) {
      assertThat(c.find("t").data().getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, 700_000))
          .isEqualTo(7);
    }
  }

  @Test
  void close_refusesAnIncompleteTensorAndKeepsNoFile() throws Exception {
    Path file = folder.resolve("out.safetensors");
    SafetensorsWriter w =
        SafetensorsWriter.create(file, Map.of("t", TensorType.of(DType.F32, 2)), Map.of());
    w.append("t", MemorySegment.ofArray(new float[] {1}));
    assertThatThrownBy(w::close)
        .isInstanceOf(IOException.class)
        .hasMessageContaining("tensor 't': expected all its bytes, 4 were not given");
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void append_refusesMoreThanATensorHolds() throws Exception {
    Path file = folder.resolve("out.safetensors");
    SafetensorsWriter w =
        SafetensorsWriter.create(file, Map.of("t", TensorType.of(DType.F32, 1)), Map.of());
    assertThatThrownBy(() -> w.append("t", MemorySegment.ofArray(new float[2])))
        .hasMessageContaining("tensor 't': expected at most 4 more bytes, got 8");
    assertThatThrownBy(() -> w.append("u", MemorySegment.ofArray(new float[1])))
        .hasMessageContaining("tensor 'u': expected at most 0 more bytes, got 4");
    w.append("t", MemorySegment.ofArray(new float[1]));
    w.close();
  }
}
