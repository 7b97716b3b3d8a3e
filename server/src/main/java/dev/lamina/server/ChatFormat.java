package dev.lamina.server;

import dev.lamina.Answer;
import dev.lamina.Delta;
import dev.lamina.TokenLogprobs;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** An answer of {@code /v1/chat/completions}. */
final class ChatFormat implements AnswerFormat {
  private static final String CHUNK = "chat.completion.chunk";

  private final AnswerEnvelope envelope;
  private final TokenTexts texts;
  private final boolean logprobs;

  ChatFormat(AnswerEnvelope envelope, TokenTexts texts, boolean logprobs) {
    this.envelope = envelope;
    this.texts = texts;
    this.logprobs = logprobs;
  }

  @Override
  public ObjectNode whole(Answer answer) {
    ObjectNode choice = Json.object().put("index", 0);
    choice
        .putObject("message")
        .put("role", "assistant")
        .put("content", answer.text())
        .putNull("refusal");
    putLogprobs(choice, answer.logprobs());
    choice.put("finish_reason", AnswerFormat.name(answer.finishReason()));
    return AnswerEnvelope.addUsage(envelope.around("chat.completion", choice), answer);
  }

  @Override
  public ObjectNode first() {
    return chunk(Json.object().put("role", "assistant").put("content", ""), List.of(), null);
  }

  @Override
  public @Nullable ObjectNode delta(Delta delta) {
    if (delta.text().isEmpty() && delta.logprobs().isEmpty()) {
      return null;
    }
    return chunk(Json.object().put("content", delta.text()), delta.logprobs(), null);
  }

  @Override
  public ObjectNode last(Answer answer) {
    return chunk(Json.object(), List.of(), AnswerFormat.name(answer.finishReason()));
  }

  @Override
  public ObjectNode usage(Answer answer) {
    return envelope.usageChunk(CHUNK, answer);
  }

  private ObjectNode chunk(
      ObjectNode delta, List<TokenLogprobs> tokens, @Nullable String finishReason) {
    ObjectNode choice = Json.object().put("index", 0);
    choice.set("delta", delta);
    putLogprobs(choice, tokens);
    choice.put("finish_reason", finishReason);
    return envelope.chunk(CHUNK, choice);
  }

  private void putLogprobs(ObjectNode choice, List<TokenLogprobs> tokens) {
    if (!logprobs || tokens.isEmpty()) {
      choice.putNull("logprobs");
      return;
    }
    ObjectNode all = choice.putObject("logprobs");
    ArrayNode content = all.putArray("content");
    for (TokenLogprobs token : tokens) {
      ArrayNode alternatives =
          entry(content, token.tokenId(), token.logprob()).putArray("top_logprobs");
      for (int k = 0; k < token.topIds().length; k++) {
        entry(alternatives, token.topIds()[k], token.topLogprobs()[k]);
      }
    }
    all.putNull("refusal");
  }

  private ObjectNode entry(ArrayNode to, int tokenId, float logprob) {
    String text = texts.text(tokenId);
    ObjectNode entry = to.addObject().put("token", text).put("logprob", TokenTexts.finite(logprob));
    entry.set("bytes", TokenTexts.bytes(text));
    return entry;
  }
}
