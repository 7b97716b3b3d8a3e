package dev.lamina;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.chat.InvalidMessagesException;
import dev.lamina.chat.Message;
import dev.lamina.chat.StopStrings;
import dev.lamina.scheduler.FinishReason;
import dev.lamina.scheduler.InvalidRequestException;
import dev.lamina.scheduler.SamplingParams;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LaminaTest {
  private static Lamina lamina = null;

  @BeforeAll
  static void open() {
    lamina = Lamina.open("micro-chat");
  }

  @AfterAll
  static void close() {
    lamina.close();
  }

  private static GenerationOptions greedy(int maxTokens) {
    return GenerationOptions.of(
        SamplingParams.builder().temperature(0).maxTokens(maxTokens).ignoreEos(true).build());
  }

  @Test
  void chat_answersTheReadmesQuestion() {
    assertThat(lamina.chat("What is 12 + 30?")).hasToString("12 + 30 = 42.");
  }

  @Test
  void stream_givesPiecesThatMakeUpTheAnswer() {
    StringBuilder text = new StringBuilder();
    List<Integer> ids = new ArrayList<>();
    try (AnswerStream stream =
        lamina.stream(Prompt.user("What is 12 + 30?"), GenerationOptions.greedy())) {
      for (Delta delta : stream) {
        text.append(delta.text());
        for (int id : delta.tokenIds()) {
          ids.add(id);
        }
      }
      Answer answer = stream.answer();
      assertThat(answer.text()).isEqualTo(text.toString()).isEqualTo("12 + 30 = 42.");
      assertThat(answer.tokenIds()).containsExactly(ids.stream().mapToInt(i -> i).toArray());
      assertThat(answer.finishReason()).isEqualTo(FinishReason.STOP);
      assertThat(answer.numPromptTokens()).isEqualTo(18);
    }
  }

  @Test
  void generate_endsAtAStopStringAndLeavesItOut() {
    Answer answer =
        lamina.generate(
            Prompt.user("What is 12 + 30?"),
            GenerationOptions.greedy().withStops(new StopStrings(List.of("= 4"))));
    assertThat(answer.text()).isEqualTo("12 + 30 ");
    assertThat(answer.stop()).isEqualTo("= 4");
    assertThat(answer.finishReason()).isEqualTo(FinishReason.STOP);
  }

  @Test
  void generate_endsAtMaxTokens() {
    Answer answer = lamina.generate(Prompt.user("What is 12 + 30?"), greedy(3));
    assertThat(answer.tokenIds()).containsExactly(16, 17, 660);
    assertThat(answer.finishReason()).isEqualTo(FinishReason.LENGTH);
  }

  @Test
  void generate_reportsLogprobs() {
    SamplingParams sampling =
        SamplingParams.builder().temperature(0).maxTokens(2).logprobs(3).build();
    Answer answer =
        lamina.generate(Prompt.user("What is 12 + 30?"), GenerationOptions.of(sampling));
    assertThat(answer.logprobs()).hasSize(2);
    TokenLogprobs first = answer.logprobs().getFirst();
    assertThat(first.tokenId()).isEqualTo(16);
    assertThat(first.topIds()).hasSize(3).startsWith(16);
    assertThat(first.logprob()).isEqualTo(first.topLogprobs()[0]).isLessThanOrEqualTo(0);
    assertThat(first.topLogprobs()[1]).isCloseTo(-17.9f, org.assertj.core.data.Offset.offset(0.3f));
  }

  @Test
  void generate_drawsTheSameWithTheSameSeed() {
    GenerationOptions seeded =
        GenerationOptions.of(
            SamplingParams.builder().temperature(2).seed(7L).maxTokens(40).ignoreEos(true).build());
    Prompt prompt = Prompt.user("Tell me a story.");
    int[] first = lamina.generate(prompt, seeded).tokenIds();
    assertThat(lamina.generate(prompt, seeded).tokenIds()).isEqualTo(first);
    SamplingParams other =
        SamplingParams.builder().temperature(2).seed(8L).maxTokens(40).ignoreEos(true).build();
    assertThat(lamina.generate(prompt, GenerationOptions.of(other)).tokenIds()).isNotEqualTo(first);
  }

  @Test
  void abort_endsARequestAndFreesItsPages() throws Exception {
    Generation running = lamina.stream(Prompt.user("Tell me a story."), greedy(4000)).generation();
    running.abort();
    assertThat(running.answer().get(30, TimeUnit.SECONDS).finishReason())
        .isEqualTo(FinishReason.ABORT);
    assertThat(lamina.engineStats().numRunning()).isZero();
  }

  @Test
  void start_refusesInOneLine() {
    assertThatThrownBy(() -> lamina.generate(Prompt.text(""), GenerationOptions.greedy()))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessage("prompt: expected at least one token, got an empty prompt");
    assertThatThrownBy(() -> lamina.generate(Prompt.tokens(4096), GenerationOptions.greedy()))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessageContaining("4096");
    assertThatThrownBy(
            () -> lamina.generate(Prompt.tokens(new int[5000]), GenerationOptions.greedy()))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessageContaining("5000");
    assertThatThrownBy(() -> lamina.generate(Prompt.chat(List.of()), GenerationOptions.greedy()))
        .isInstanceOf(InvalidMessagesException.class);
  }

  @Test
  void open_refusesInOneLine(@TempDir Path folder) throws IOException {
    assertThatThrownBy(() -> Lamina.open(folder.toString()))
        .isInstanceOf(LaminaException.class)
        .hasMessageContaining("config.json");
    Files.writeString(folder.resolve("config.json"), "{\"model_type\":\"lama\"}");
    assertThatThrownBy(() -> Lamina.open(folder.toString()))
        .isInstanceOf(LaminaException.class)
        .hasMessageContaining("lama")
        .hasMessageContaining("llama");
  }

  @Test
  void chat_isRefusedWithoutTheModelsTemplate(@TempDir Path folder) throws IOException {
    Path model = ModelLocator.find("micro-chat");
    for (String file : List.of("config.json", "model.safetensors", "tokenizer.json")) {
      Files.createSymbolicLink(folder.resolve(file), model.resolve(file).toAbsolutePath());
    }
    Files.writeString(folder.resolve("chat_template.jinja"), "{{ messages }}");
    try (Lamina other = Lamina.open(folder.toString())) {
      assertThatThrownBy(() -> other.chat("Hello"))
          .isInstanceOf(InvalidRequestException.class)
          .hasMessageContaining("is not supported yet");
      assertThat(other.generate(Prompt.text("Once"), greedy(2)).tokenIds()).hasSize(2);
    }
  }

  @Test
  void chat_keepsAConversation() {
    Answer answer =
        lamina.generate(
            Prompt.chat(
                List.of(
                    Message.user("What is 12 + 30?"),
                    Message.assistant("12 + 30 = 42."),
                    Message.user("What is the capital of Japan?"))),
            GenerationOptions.greedy());
    assertThat(answer.text()).contains("Tokyo");
  }
}
