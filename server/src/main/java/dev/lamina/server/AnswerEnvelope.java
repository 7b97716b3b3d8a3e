package dev.lamina.server;

import dev.lamina.Answer;
import tools.jackson.databind.node.ObjectNode;

/**
 * What all JSON objects of one answer have in common.
 *
 * @param id of the answer
 * @param created in seconds of Unix time
 * @param model the served name
 * @param usageInChunks whether chunks say {@code "usage":null}, as they do where a last one tells
 */
record AnswerEnvelope(String id, long created, String model, boolean usageInChunks) {
  /** An object with one choice. */
  ObjectNode around(String object, ObjectNode choice) {
    ObjectNode node = head(object);
    node.putArray("choices").add(choice);
    return node;
  }

  /** A chunk with one choice. */
  ObjectNode chunk(String object, ObjectNode choice) {
    ObjectNode node = around(object, choice);
    if (usageInChunks) {
      node.putNull("usage");
    }
    return node;
  }

  /** The chunk without choices that tells the usage. */
  ObjectNode usageChunk(String object, Answer answer) {
    ObjectNode node = head(object);
    node.putArray("choices");
    return addUsage(node, answer);
  }

  private ObjectNode head(String object) {
    return Json.object()
        .put("id", id)
        .put("object", object)
        .put("created", created)
        .put("model", model);
  }

  /** Adds the token counts of an answer. */
  static ObjectNode addUsage(ObjectNode node, Answer answer) {
    int completionTokens = answer.tokenIds().length;
    node.putObject("usage")
        .put("prompt_tokens", answer.numPromptTokens())
        .put("completion_tokens", completionTokens)
        .put("total_tokens", answer.numPromptTokens() + completionTokens)
        .putObject("prompt_tokens_details")
        .put("cached_tokens", answer.numCachedTokens());
    return node;
  }
}
