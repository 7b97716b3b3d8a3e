package dev.lamina;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelLocatorTest {
  @TempDir private Path folder;

  @Test
  void find_takesAFolderAsItIs() {
    assertThat(ModelLocator.find(folder.toString())).isEqualTo(folder);
  }

  @Test
  void find_findsTheBuiltInModel() {
    assertThat(ModelLocator.find("micro-chat").resolve("config.json")).isRegularFile();
  }

  @Test
  void find_refusesInOneLine() throws IOException {
    Path file = Files.writeString(folder.resolve("weights.safetensors"), "");
    assertThatThrownBy(() -> ModelLocator.find("no/such/model"))
        .isInstanceOf(LaminaException.class)
        .hasMessage(
            "model no/such/model: expected a folder with config.json and *.safetensors, a .gguf file,"
                + " or one of [micro-chat]; found no such folder");
    assertThatThrownBy(() -> ModelLocator.find(file.toString()))
        .hasMessageEndingWith("got a file; name the folder that holds config.json");
    assertThatThrownBy(() -> ModelLocator.find("some-org/no-such-model"))
        .hasMessageStartingWith(
            "model some-org/no-such-model: expected that folder, or the model in the cache ")
        .hasMessageEndingWith("found neither; fetch it: lamina pull some-org/no-such-model");
    assertThatThrownBy(() -> ModelLocator.find("some.gguf"))
        .hasMessage("model some.gguf: expected a GGUF file, found nothing there; check the path");
  }

  @Test
  void looksLikeModel_tellsAModelFromAPrompt() {
    assertThat(ModelLocator.looksLikeModel("micro-chat")).isTrue();
    assertThat(ModelLocator.looksLikeModel(folder.toString())).isTrue();
    assertThat(ModelLocator.looksLikeModel("x.gguf")).isTrue();
    assertThat(ModelLocator.looksLikeModel("What is 12 + 30?")).isFalse();
    assertThat(ModelLocator.looksLikeModel("nul\0byte")).isFalse();
  }
}
