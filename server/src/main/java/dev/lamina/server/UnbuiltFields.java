package dev.lamina.server;

import dev.lamina.RequestFields;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Request fields that change the answer and are not built: refused by name, never ignored. */
final class UnbuiltFields {
  private static final Set<String> ABSENT =
      new TreeSet<>(
          Set.of(
              "allowed_token_ids",
              "audio",
              "bad_words",
              "chat_template",
              "chat_template_kwargs",
              "documents",
              "function_call",
              "functions",
              "guided_choice",
              "guided_grammar",
              "guided_json",
              "guided_regex",
              "logit_bias",
              "logits_processors",
              "mm_processor_kwargs",
              "prediction",
              "prompt_embeds",
              "prompt_logprobs",
              "structured_outputs",
              "suffix",
              "tool_choice",
              "tools",
              "truncate_prompt_tokens",
              "web_search_options"));

  private static final Map<String, Boolean> ONLY =
      new TreeMap<>(
          Map.of(
              "add_generation_prompt", true,
              "continue_final_message", false,
              "echo", false,
              "include_stop_str_in_output", false,
              "return_token_ids", false,
              "return_tokens_as_token_ids", false,
              "skip_special_tokens", true,
              "use_beam_search", false));

  private UnbuiltFields() {}

  /**
   * Checks that a request has none of them.
   *
   * @throws ApiException or InvalidRequestException naming the first
   */
  static void refuse(RequestFields fields) {
    fields.refuse(ABSENT);
    ONLY.forEach((field, value) -> {
      if (fields.bool(field, value) != value) {
        throw notYet(field, field + ": " + !value + " is not supported yet; leave it out");
      }
    });
    fields.refuseSeveralChoices();
    if (fields.integer("best_of", 1) != 1) {
      throw notYet("best_of", "best_of: more than 1 is not supported yet; leave it out");
    }
    refuseFormats(fields.present("response_format"));
    refuseModalities(fields.present("modalities"));
  }

  private static void refuseFormats(@Nullable JsonNode format) {
    if (format == null || format.path("type").asString("").equals("text")) {
      return;
    }
    throw notYet(
        "response_format",
        "response_format: only {\"type\":\"text\"} is supported yet; leave it out");
  }

  private static void refuseModalities(@Nullable JsonNode modalities) {
    if (modalities == null) {
      return;
    }
    if (modalities.size() != 1 || !modalities.path(0).asString("").equals("text")) {
      throw notYet("modalities", "modalities: only [\"text\"] is supported; leave it out");
    }
  }

  private static ApiException notYet(String field, String message) {
    return ApiException.badRequest(field, message);
  }
}
