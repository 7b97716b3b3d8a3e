package dev.lamina.server;

import dev.lamina.GenerationOptions;
import dev.lamina.Prompt;
import dev.lamina.RequestFields;
import dev.lamina.chat.InvalidMessagesException;
import dev.lamina.scheduler.InvalidRequestException;
import dev.lamina.scheduler.SamplingParams;
import java.util.HexFormat;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** The two generation endpoints: how their requests are read. */
enum Dialect {
  /** {@code /v1/chat/completions}. */
  CHAT("chatcmpl-", "messages") {
    @Override
    Prompt prompt(JsonNode request, RequestFields fields) {
      return fields.messages();
    }

    @Override
    int logprobs(RequestFields fields) {
      boolean wanted = fields.bool("logprobs", false);
      int top = fields.integer("top_logprobs", 0);
      if (!wanted && fields.present("top_logprobs") != null && top != 0) {
        throw ApiException.badRequest(
            "top_logprobs", "top_logprobs: expected \"logprobs\": true beside it, got none");
      }
      if (top < 0 || top > SamplingParams.MAX_LOGPROBS) {
        throw ApiException.badRequest(
            "top_logprobs",
            "top_logprobs: expected 0 to " + SamplingParams.MAX_LOGPROBS + ", got " + top);
      }
      return wanted ? top : SamplingParams.NO_LOGPROBS;
    }

    @Override
    int defaultMaxTokens() {
      return SamplingParams.NO_LIMIT;
    }

    @Override
    AnswerFormat format(AnswerEnvelope envelope, TokenTexts texts, boolean logprobs) {
      return new ChatFormat(envelope, texts, logprobs);
    }
  },

  /** {@code /v1/completions}. */
  COMPLETION("cmpl-", "prompt") {
    @Override
    Prompt prompt(JsonNode request, RequestFields fields) {
      return PromptField.read(request.path("prompt"));
    }

    @Override
    int logprobs(RequestFields fields) {
      return fields.integer("logprobs", SamplingParams.NO_LOGPROBS);
    }

    @Override
    int defaultMaxTokens() {
      return 16;
    }

    @Override
    AnswerFormat format(AnswerEnvelope envelope, TokenTexts texts, boolean logprobs) {
      return new CompletionFormat(envelope, texts, logprobs);
    }
  };

  private final String idPrefix;
  private final String promptField;

  Dialect(String idPrefix, String promptField) {
    this.idPrefix = idPrefix;
    this.promptField = promptField;
  }

  abstract Prompt prompt(JsonNode request, RequestFields fields);

  /** Alternatives a token is reported with, {@link SamplingParams#NO_LOGPROBS} for no report. */
  abstract int logprobs(RequestFields fields);

  abstract int defaultMaxTokens();

  abstract AnswerFormat format(AnswerEnvelope envelope, TokenTexts texts, boolean logprobs);

  /**
   * Reads a request; all but the engine's own checks.
   *
   * @throws ApiException naming the field that can't be used
   */
  GenerationCall read(JsonNode request, ServedModel model) {
    try {
      return readFields(request, model);
    } catch (InvalidRequestException e) {
      throw refused(e);
    } catch (InvalidMessagesException e) {
      throw ApiException.badRequest(fieldOf(e.getMessage()), String.valueOf(e.getMessage()));
    }
  }

  private GenerationCall readFields(JsonNode request, ServedModel model) {
    RequestFields fields = new RequestFields(request);
    String adapter = model.adapter(fields.string("model"));
    UnbuiltFields.refuse(fields);
    boolean stream = fields.bool("stream", false);
    boolean includeUsage = includeUsage(fields, stream);
    int logprobs = logprobs(fields);
    SamplingParams sampling = fields.sampling(1, defaultMaxTokens(), logprobs);
    String id = idPrefix + randomHex();
    GenerationOptions options =
        GenerationOptions.of(sampling)
            .withRequestId(id)
            .withStops(fields.stops())
            .withPriority(fields.integer("priority", 0))
            .withCacheSalt(fields.string("cache_salt"))
            .withAdapter(adapter);
    AnswerEnvelope envelope =
        new AnswerEnvelope(
            id,
            System.currentTimeMillis() / 1000,
            adapter == null ? model.name() : adapter,
            includeUsage);
    TokenTexts texts = new TokenTexts(model.lamina().tokenizer());
    int[] ids = model.lamina().tokenize(prompt(request, fields));
    if (ids.length >= model.info().maxModelLen()) {
      throw ApiException.promptTooLong(promptField, ids.length, model.info().maxModelLen());
    }
    return new GenerationCall(
        promptField,
        ids,
        options,
        format(envelope, texts, sampling.wantsLogprobs()),
        stream,
        includeUsage);
  }

  /** What the door or the engine refuses, with this dialect's name for the prompt. */
  ApiException refused(InvalidRequestException e) {
    String param = e.param().equals("prompt") ? promptField : e.param();
    return ApiException.badRequest(param.isEmpty() ? null : param, String.valueOf(e.getMessage()));
  }

  private static boolean includeUsage(RequestFields fields, boolean stream) {
    JsonNode options = fields.present("stream_options");
    if (options == null) {
      return false;
    }
    if (!stream) {
      throw ApiException.badRequest(
          "stream_options", "stream_options: expected \"stream\": true beside it, got none");
    }
    if (!options.isObject()) {
      throw ApiException.badRequest("stream_options", "stream_options: expected an object");
    }
    RequestFields inner = new RequestFields(options);
    if (inner.bool("continuous_usage_stats", false)) {
      throw ApiException.badRequest(
          "stream_options",
          "stream_options.continuous_usage_stats: not supported yet; leave it out");
    }
    return inner.bool("include_usage", false);
  }

  /** The field that a message of {@link InvalidMessagesException} begins with. */
  private static @Nullable String fieldOf(@Nullable String message) {
    int colon = message == null ? -1 : message.indexOf(':');
    return message == null || colon < 0 ? null : message.substring(0, colon);
  }

  private static String randomHex() {
    byte[] bytes = new byte[12];
    ThreadLocalRandom.current().nextBytes(bytes);
    return HexFormat.of().formatHex(bytes);
  }
}
