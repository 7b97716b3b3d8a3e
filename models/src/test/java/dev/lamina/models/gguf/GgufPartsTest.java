package dev.lamina.models.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.models.ggml.GgmlType;
import dev.lamina.spi.ir.Shape;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Models in several files: all tensors by any part's name, and what parts may not say. */
class GgufPartsTest {
  @TempDir Path folder;

  private Path part(int number, int no, int count, int tensors, String tensor) throws IOException {
    Path file = folder.resolve("m-%05d-of-00002.gguf".formatted(number));
    GgufPairs pairs = number == 1 ? GgufSample.metadata() : new GgufPairs();
    pairs.u32("split.no", no).u32("split.count", count).u32("split.tensors.count", tensors);
    GgufWriter.Entry entry = new GgufWriter.Entry(GgmlType.F32, Shape.of(2));
    try (GgufWriter w = GgufWriter.create(file, pairs, Map.of(tensor, entry))) {
      w.append(tensor, MemorySegment.ofArray(new float[] {number, number + 0.5f}));
    }
    return file;
  }

  @Test
  void open_findsTheTensorsOfAllPartsByAnyOfThem() throws Exception {
    Path first = part(1, 0, 2, 2, "a");
    Path second = part(2, 1, 2, 2, "b");
    for (Path given : new Path[] {first, second}) {
      try (GgufTensors tensors = GgufTensors.open(given)) {
        assertThat(tensors.tensors()).extracting(StoredTensor::name).containsExactly("a", "b");
        StoredTensor b = tensors.find("b");
        assertThat(b).isNotNull();
        assertThat(b.data().get(ValueLayout.JAVA_FLOAT_UNALIGNED, 4)).isEqualTo(2.5f);
        assertThat(tensors.metadata().string("general.architecture")).isEqualTo("llama");
      }
    }
  }

  private void assertRefused(Path file, String line) {
    assertThatThrownBy(() -> GgufTensors.open(file).close())
        .hasMessageContaining(line)
        .hasMessageNotContaining("\n");
  }

  @Test
  void open_namesThePartThatIsMissingOrOfAnotherModel() throws Exception {
    Path first = part(1, 0, 2, 2, "a");
    assertRefused(first, "m-00002-of-00002.gguf: file: expected a readable file, got no such file");
    part(2, 0, 2, 2, "b");
    assertRefused(first, "split.no");
    part(2, 1, 3, 2, "b");
    assertRefused(first, "split.count");
    part(2, 1, 2, 2, "a");
    assertRefused(first, "tensor 'a': expected it in one part, got it in an earlier one too");
    part(2, 1, 2, 2, "b");
    assertRefused(part(1, 0, 2, 3, "a"), "split.tensors.count");
    Path renamed = Files.move(first, folder.resolve("m.gguf"));
    assertRefused(renamed, "as many parts as the file's name says");
  }
}
