package dev.lamina;

import dev.lamina.chat.Messages;
import dev.lamina.chat.StopStrings;
import dev.lamina.scheduler.InvalidRequestException;
import dev.lamina.scheduler.SamplingParams;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Reads the fields of a request by OpenAI's and vLLM's names, for every door that takes JSON. Each
 * refusal is an {@link InvalidRequestException} that names the field.
 */
public final class RequestFields {
  private static final int MAX_STOPS = 16;

  private final JsonNode request;

  /**
   * Over one request.
   *
   * @param request a JSON object
   * @throws InvalidRequestException if it is no object
   */
  public RequestFields(JsonNode request) {
    this.request = request;
    if (!request.isObject()) {
      throw new InvalidRequestException(
          "", "request: expected a JSON object, got " + kind(request));
    }
  }

  /**
   * Refuses what is not built.
   *
   * @param fields names that must be absent or null
   */
  public void refuse(Set<String> fields) {
    for (String field : fields) {
      if (present(field) != null) {
        throw new InvalidRequestException(field, field + ": not supported yet; leave it out");
      }
    }
  }

  /** Refuses {@code n} other than 1. */
  public void refuseSeveralChoices() {
    if (integer("n", 1) != 1) {
      throw new InvalidRequestException("n", "n: more than 1 is not supported yet; send 1");
    }
  }

  /** The conversation with its tools. */
  public Prompt messages() {
    return new Prompt.Chat(
        Messages.read(request.get("messages")), Messages.readTools(request.get("tools")));
  }

  /**
   * Token ids.
   *
   * @param field an array of integers
   */
  public Prompt tokens(String field) {
    JsonNode ids = request.path(field);
    if (!ids.isArray() || ids.isEmpty()) {
      throw new InvalidRequestException(
          field, field + ": expected a non-empty array of token ids, got " + kind(ids));
    }
    int[] tokens = new int[ids.size()];
    for (int i = 0; i < tokens.length; i++) {
      JsonNode id = ids.get(i);
      if (!id.isIntegralNumber() || !id.canConvertToInt()) {
        throw new InvalidRequestException(
            field, field + "[" + i + "]: expected a token id, got " + kind(id));
      }
      tokens[i] = id.intValue();
    }
    return new Prompt.Tokens(tokens);
  }

  /**
   * How to sample and stop.
   *
   * @param defaultTemperature taken if the request has none
   * @param defaultMaxTokens taken if the request has neither {@code max_tokens} nor {@code
   *     max_completion_tokens}
   * @param logprobs alternatives to report, {@link SamplingParams#NO_LOGPROBS} for none
   */
  public SamplingParams sampling(double defaultTemperature, int defaultMaxTokens, int logprobs) {
    int maxTokens = integer("max_tokens", integer("max_completion_tokens", defaultMaxTokens));
    SamplingParams.Builder b =
        SamplingParams.builder()
            .temperature((float) number("temperature", defaultTemperature))
            .topP((float) number("top_p", 1))
            .topK(integer("top_k", 0))
            .minP((float) number("min_p", 0))
            .presencePenalty((float) number("presence_penalty", 0))
            .frequencyPenalty((float) number("frequency_penalty", 0))
            .repetitionPenalty((float) number("repetition_penalty", 1))
            .maxTokens(maxTokens)
            .minTokens(integer("min_tokens", 0))
            .ignoreEos(bool("ignore_eos", false))
            .logprobs(logprobs);
    JsonNode seed = present("seed");
    if (seed != null) {
      if (!seed.isIntegralNumber() || !seed.canConvertToLong()) {
        throw new InvalidRequestException("seed", "seed: expected an integer, got " + kind(seed));
      }
      b.seed(seed.longValue());
    }
    if (present("stop_token_ids") != null) {
      b.stopTokenIds(((Prompt.Tokens) tokens("stop_token_ids")).ids());
    }
    return b.build();
  }

  /** Stop strings: a string or an array of them. */
  public StopStrings stops() {
    JsonNode stop = present("stop");
    if (stop == null) {
      return StopStrings.NONE;
    }
    List<String> stops = new ArrayList<>();
    for (JsonNode s : stop.isArray() ? stop : List.of(stop)) {
      if (!s.isString() || s.stringValue().isEmpty()) {
        throw new InvalidRequestException(
            "stop", "stop: expected non-empty strings, got " + kind(s));
      }
      stops.add(s.stringValue());
    }
    if (stops.size() > MAX_STOPS) {
      throw new InvalidRequestException(
          "stop", "stop: expected at most " + MAX_STOPS + " strings, got " + stops.size());
    }
    return new StopStrings(stops);
  }

  /**
   * An integer.
   *
   * @param absent taken if it is absent or null
   */
  public int integer(String field, int absent) {
    JsonNode v = present(field);
    if (v == null) {
      return absent;
    }
    if (!v.isIntegralNumber() || !v.canConvertToInt()) {
      throw new InvalidRequestException(
          field, field + ": expected an integer, got " + (v.isNumber() ? v.toString() : kind(v)));
    }
    return v.intValue();
  }

  /**
   * A number.
   *
   * @param absent taken if it is absent or null
   */
  public double number(String field, double absent) {
    JsonNode v = present(field);
    if (v == null) {
      return absent;
    }
    if (!v.isNumber()) {
      throw new InvalidRequestException(field, field + ": expected a number, got " + kind(v));
    }
    return v.doubleValue();
  }

  /**
   * A boolean.
   *
   * @param absent taken if it is absent or null
   */
  public boolean bool(String field, boolean absent) {
    JsonNode v = present(field);
    if (v == null) {
      return absent;
    }
    if (!v.isBoolean()) {
      throw new InvalidRequestException(field, field + ": expected true or false, got " + kind(v));
    }
    return v.booleanValue();
  }

  /** A string, or null if it is absent or null. */
  public @Nullable String string(String field) {
    JsonNode v = present(field);
    if (v == null) {
      return null;
    }
    if (!v.isString()) {
      throw new InvalidRequestException(field, field + ": expected a string, got " + kind(v));
    }
    return v.stringValue();
  }

  /** A field's value, or null if it is absent or null. */
  public @Nullable JsonNode present(String field) {
    JsonNode v = request.get(field);
    return v == null || v.isNull() ? null : v;
  }

  private static String kind(JsonNode v) {
    return switch (v.getNodeType()) {
      case ARRAY -> v.isEmpty() ? "an empty array" : "an array";
      case OBJECT, POJO -> "an object";
      case STRING, BINARY -> "a string";
      case NUMBER -> "the number " + v;
      case BOOLEAN -> "a boolean";
      case NULL -> "null";
      case MISSING -> "nothing";
    };
  }
}
