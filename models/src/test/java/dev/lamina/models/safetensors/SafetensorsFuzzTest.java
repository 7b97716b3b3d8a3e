package dev.lamina.models.safetensors;

import dev.lamina.models.HeaderFuzz;
import dev.lamina.models.checkpoint.StoredTensor;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** No mutation of a header crashes, hangs or takes more memory than its file justifies. */
class SafetensorsFuzzTest {
  @TempDir Path folder;

  @Test
  void everyMutationIsReadOrRefusedInOneLine() throws Exception {
    String header =
        "{\"__metadata__\":{\"format\":\"pt\",\"by\":\"a test\"},"
            + SafetensorsBytes.entry("model.embed_tokens.weight", "F32", "[2,3]", 0, 24)
            + ","
            + SafetensorsBytes.entry("a.weight", "BF16", "[4]", 24, 32)
            + ","
            + SafetensorsBytes.entry("b\\u00e9", "U8", "[]", 32, 33)
            + "}";
    byte[] good =
        Files.readAllBytes(SafetensorsBytes.write(folder.resolve("f.safetensors"), header, 33));
    new HeaderFuzz(good, good.length - 33)
        .run(
            2026,
            file -> {
              for (StoredTensor t : SafetensorsFile.parse("f", file).tensors()) {
                if (t.data().byteSize() > 0) {
                  t.data().get(ValueLayout.JAVA_BYTE, t.data().byteSize() - 1);
                }
              }
            });
  }
}
