package dev.lamina.chat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * What {@code tokenizer_config.json} says beside {@code tokenizer.json}; everything is absent where
 * the file is.
 *
 * @param bosToken the beginning-of-sequence token
 * @param eosToken the end-of-sequence token
 * @param addBosToken whether a text gets the beginning-of-sequence token; null leaves it to the
 *     post-processor
 * @param addEosToken likewise for the end-of-sequence token
 */
record TokenizerConfig(
    @Nullable String bosToken,
    @Nullable String eosToken,
    @Nullable Boolean addBosToken,
    @Nullable Boolean addEosToken) {

  static TokenizerConfig read(Path folder) {
    Path file = folder.resolve("tokenizer_config.json");
    if (!Files.exists(file)) {
      return new TokenizerConfig(null, null, null, null);
    }
    JsonNode config = JsonFile.readObject(file);
    return new TokenizerConfig(
        token(config.path("bos_token")),
        token(config.path("eos_token")),
        flag(config.path("add_bos_token")),
        flag(config.path("add_eos_token")));
  }

  /** A token is a string, or in older files an object with its content. */
  private static @Nullable String token(JsonNode node) {
    JsonNode content = node.isObject() ? node.path("content") : node;
    return content.isString() ? content.stringValue() : null;
  }

  private static @Nullable Boolean flag(JsonNode node) {
    return node.isBoolean() ? node.booleanValue() : null;
  }
}
