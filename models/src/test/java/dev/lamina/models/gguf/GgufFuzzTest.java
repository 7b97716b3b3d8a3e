package dev.lamina.models.gguf;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.models.HeaderFuzz;
import dev.lamina.models.checkpoint.ModelException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** No mutation of header, metadata or directory crashes, hangs or takes undue memory. */
class GgufFuzzTest {
  @TempDir Path folder;

  @Test
  void everyMutationIsReadOrRefusedInOneLine() throws Exception {
    byte[] good = GgufSample.bytes(folder);
    GgufFile whole = GgufFile.parse("f", MemorySegment.ofArray(good));
    int dataBytes =
        (int) whole.tensors().stream().mapToLong(t -> (t.data().byteSize() + 31) / 32 * 32).sum();
    int headerBytes = good.length - dataBytes;
    // The data fill most of the file and no mutation is there: a few of them are enough.
    assertThat(headerBytes).isBetween(700, 1200);
    new HeaderFuzz(Arrays.copyOf(good, good.length), headerBytes).run(2026, GgufFuzzTest::read);
  }

  private static void read(MemorySegment bytes) throws ModelException {
    GgufFile file = GgufFile.parse("f", bytes);
    for (GgufFile.Tensor t : file.tensors()) {
      if (t.data().byteSize() > 0) {
        t.data().get(ValueLayout.JAVA_BYTE, t.data().byteSize() - 1);
      }
    }
    GgufConfig.of(file, GgufArchitecture.of(file.metadata()));
    file.metadata().strings("tokenizer.ggml.tokens");
    file.metadata().integers("tokenizer.ggml.token_type");
    file.metadata().floats("tokenizer.ggml.scores");
  }
}
