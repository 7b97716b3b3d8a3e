package dev.lamina.server;

import dev.lamina.Answer;
import dev.lamina.Delta;
import dev.lamina.TokenLogprobs;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** An answer of {@code /v1/completions}. */
final class CompletionFormat implements AnswerFormat {
  private static final String OBJECT = "text_completion";

  private final AnswerEnvelope envelope;
  private final TokenTexts texts;
  private final boolean logprobs;
  private int textOffset;

  CompletionFormat(AnswerEnvelope envelope, TokenTexts texts, boolean logprobs) {
    this.envelope = envelope;
    this.texts = texts;
    this.logprobs = logprobs;
  }

  @Override
  public ObjectNode whole(Answer answer) {
    String text = answer.text() == null ? "" : answer.text();
    ObjectNode choice = choice(text, answer.logprobs(), AnswerFormat.name(answer.finishReason()));
    return AnswerEnvelope.addUsage(envelope.around(OBJECT, choice), answer);
  }

  @Override
  public @Nullable ObjectNode first() {
    return null;
  }

  @Override
  public @Nullable ObjectNode delta(Delta delta) {
    if (delta.text().isEmpty() && delta.logprobs().isEmpty()) {
      return null;
    }
    return envelope.chunk(OBJECT, choice(delta.text(), delta.logprobs(), null));
  }

  @Override
  public ObjectNode last(Answer answer) {
    return envelope.chunk(OBJECT, choice("", List.of(), AnswerFormat.name(answer.finishReason())));
  }

  @Override
  public ObjectNode usage(Answer answer) {
    return envelope.usageChunk(OBJECT, answer);
  }

  private ObjectNode choice(
      String text, List<TokenLogprobs> tokens, @Nullable String finishReason) {
    ObjectNode choice = Json.object().put("index", 0).put("text", text);
    putLogprobs(choice, tokens);
    return choice.put("finish_reason", finishReason);
  }

  private void putLogprobs(ObjectNode choice, List<TokenLogprobs> tokens) {
    if (!logprobs || tokens.isEmpty()) {
      choice.putNull("logprobs");
      return;
    }
    ObjectNode all = choice.putObject("logprobs");
    ArrayNode words = all.putArray("tokens");
    ArrayNode values = all.putArray("token_logprobs");
    ArrayNode tops = all.putArray("top_logprobs");
    ArrayNode offsets = all.putArray("text_offset");
    for (TokenLogprobs token : tokens) {
      String text = texts.text(token.tokenId());
      words.add(text);
      values.add(TokenTexts.finite(token.logprob()));
      ObjectNode top = tops.addObject();
      for (int k = 0; k < token.topIds().length; k++) {
        top.put(texts.text(token.topIds()[k]), TokenTexts.finite(token.topLogprobs()[k]));
      }
      offsets.add(textOffset);
      textOffset += text.length();
    }
  }
}
