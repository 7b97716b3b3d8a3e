package dev.lamina.server;

import dev.lamina.chat.Tokenizer;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;

/**
 * Tokens as text, for log-probabilities.
 *
 * @param tokenizer null where the model has none; a token is then its number
 */
record TokenTexts(@Nullable Tokenizer tokenizer) {
  private static final char REPLACEMENT = '\uFFFD';
  private static final float LOWEST = -9999;

  /** The text of one token, special ones included. */
  String text(int tokenId) {
    return tokenizer == null ? "token_id:" + tokenId : tokenizer.decode(new int[] {tokenId}, false);
  }

  /** The UTF-8 bytes of a token's text; null for a token that holds a part of a character. */
  static JsonNode bytes(String text) {
    if (text.indexOf(REPLACEMENT) >= 0) {
      return JsonNodeFactory.instance.nullNode();
    }
    ArrayNode bytes = Json.array();
    for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
      bytes.add(b & 0xFF);
    }
    return bytes;
  }

  /** A log-probability that JSON can hold: minus infinity becomes -9999, as vLLM has it. */
  static float finite(float logprob) {
    return Math.max(logprob, LOWEST);
  }
}
