package dev.lamina.models;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class ModelSummaryTest {
  @TempDir private Path folder;

  private static List<String> zoo() throws IOException {
    return Fixtures.zoo();
  }

  /** Elements by the header of each file, read here without the code under test. */
  private static long elements(Path model) throws IOException {
    long sum = 0;
    try (var files = Files.list(model)) {
      for (Path file : files.filter(ModelSummaryTest::isWeights).toList()) {
        byte[] all = Files.readAllBytes(file);
        int length = (int) ByteBuffer.wrap(all).order(ByteOrder.LITTLE_ENDIAN).getLong();
        JsonNode header =
            JsonMapper.shared().readTree(Arrays.copyOfRange(all, Long.BYTES, Long.BYTES + length));
        for (var tensor : header.properties()) {
          if (!tensor.getKey().equals("__metadata__")) {
            long product = 1;
            for (JsonNode size : tensor.getValue().path("shape")) {
              product *= size.longValue();
            }
            sum += product;
          }
        }
      }
    }
    return sum;
  }

  private static boolean isWeights(Path file) {
    String name = file.getFileName().toString();
    return name.startsWith("model") && name.endsWith(".safetensors");
  }

  @ParameterizedTest
  @MethodSource("zoo")
  void parameters_areThoseOfTheFiles(String name) throws Exception {
    Path model = Fixtures.unzip(name, folder);
    try (Checkpoint c = Checkpoint.open(model)) {
      ModelPlan plan = ModelPlan.of(c, ModelOptions.DEFAULT);
      ModelSummary summary = ModelSummary.of(plan);
      assertThat(summary.parameters()).isEqualTo(elements(model)).isPositive();
      assertThat(summary.dtypes().values().stream().mapToLong(Long::longValue).sum())
          .isEqualTo(summary.parameters());
      long unused = plan.unused().stream().mapToLong(n -> c.tensors().find(n).elements()).sum();
      long byPart =
          summary.components().stream().mapToLong(ModelSummary.Component::parameters).sum();
      assertThat(byPart).isEqualTo(summary.parameters() - unused);
    }
  }
}
