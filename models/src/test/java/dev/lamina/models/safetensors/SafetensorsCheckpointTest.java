package dev.lamina.models.safetensors;

import static dev.lamina.models.safetensors.SafetensorsBytes.entry;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.checkpoint.StoredTensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SafetensorsCheckpointTest {
  @TempDir Path folder;

  @BeforeEach
  void writeTwoShards() throws IOException {
    shard("one.safetensors", "a");
    shard("two.safetensors", "b");
  }

  private void shard(String file, String tensor) throws IOException {
    SafetensorsBytes.write(folder.resolve(file), "{" + entry(tensor, "F32", "[1]", 0, 4) + "}", 4);
  }

  private void index(String json) throws IOException {
    Files.writeString(folder.resolve("model.safetensors.index.json"), json);
  }

  private void refused(String... parts) {
    assertThatThrownBy(() -> SafetensorsCheckpoint.open(folder))
        .isInstanceOf(ModelException.class)
        .hasMessageNotContaining("\n")
        .hasMessageContainingAll(parts);
  }

  @Test
  void open_readsTheShardsOfAnIndex() throws Exception {
    index(
        """
        {"metadata":{"total_size":8},
         "weight_map":{"b":"two.safetensors","a":"one.safetensors"}}
        """);
    try (SafetensorsCheckpoint c = SafetensorsCheckpoint.open(folder)) {
      assertThat(c.tensors()).extracting(StoredTensor::name).containsExactly("a", "b");
    }
  }

  @Test
  void open_readsEveryFileOfAFolderWithoutIndex() throws Exception {
    try (SafetensorsCheckpoint c = SafetensorsCheckpoint.open(folder)) {
      assertThat(c.tensors()).hasSize(2);
    }
  }

  @Test
  void open_prefersTheSingleFile() throws Exception {
    shard("model.safetensors", "c");
    index("{\"weight_map\":{\"a\":\"one.safetensors\"}}");
    try (SafetensorsCheckpoint c = SafetensorsCheckpoint.open(folder)) {
      assertThat(c.tensors()).extracting(StoredTensor::name).containsExactly("c");
    }
  }

  @Test
  void open_refusesAFolderWithoutWeights() throws Exception {
    Files.delete(folder.resolve("one.safetensors"));
    Files.delete(folder.resolve("two.safetensors"));
    refused(folder.toString(), "expected weights in *.safetensors", "without any");
  }

  @ParameterizedTest
  @ValueSource(strings = {"{", "[]", "{}", "{\"weight_map\":3}", "{\"weight_map\":{}}"})
  void open_refusesABadIndex(String json) throws Exception {
    index(json);
    refused("model.safetensors.index.json", "weight_map", "fetch");
  }

  @Test
  void open_refusesAMissingShard() throws Exception {
    index("{\"weight_map\":{\"a\":\"one.safetensors\",\"z\":\"three.safetensors\"}}");
    refused("index.json", "three.safetensors", "got none", "fetch the missing shard");
  }

  @ParameterizedTest
  @ValueSource(strings = {"\"../one.safetensors\"", "\"/etc/passwd\"", "3", "\"\"", "\"..\""})
  void open_refusesAShardOutsideTheFolder(String name) throws Exception {
    index("{\"weight_map\":{\"a\":" + name + "}}");
    refused("tensor 'a'", "the name of a file beside the index", name);
  }

  @Test
  void open_refusesATensorThatItsShardLacks() throws Exception {
    index("{\"weight_map\":{\"a\":\"one.safetensors\",\"z\":\"two.safetensors\"}}");
    refused("two.safetensors", "tensor 'z'", "no such tensor", "one revision");
  }

  @Test
  void open_refusesATensorInAnotherShardThanTheIndexSays() throws Exception {
    index("{\"weight_map\":{\"a\":\"two.safetensors\",\"b\":\"one.safetensors\"}}");
    refused("expected it here", "it in ");
  }

  @Test
  void open_refusesATensorInTwoShards() throws Exception {
    shard("two.safetensors", "a");
    refused("tensor 'a'", "one.safetensors too", "remove");
  }

  @Test
  void open_refusesATruncatedShard() throws Exception {
    index("{\"weight_map\":{\"a\":\"one.safetensors\",\"b\":\"two.safetensors\"}}");
    byte[] all = Files.readAllBytes(folder.resolve("two.safetensors"));
    Files.write(folder.resolve("two.safetensors"), java.util.Arrays.copyOf(all, all.length - 2));
    refused("two.safetensors", "tensor 'b'", "cut short");
  }
}
