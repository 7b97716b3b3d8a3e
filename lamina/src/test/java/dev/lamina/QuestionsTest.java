package dev.lamina;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.lamina.chat.Messages;
import dev.lamina.scheduler.EngineConfig;
import dev.lamina.scheduler.EngineStats;
import dev.lamina.scheduler.FinishReason;
import dev.lamina.scheduler.SamplingParams;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The built-in models against the reference's answers, through the whole engine. */
class QuestionsTest {
  private static final JsonMapper JSON = JsonMapper.builder().build();
  private static final Path FIXTURES = Path.of(System.getProperty("lamina.fixtures"));
  private static final Path MICRO_CHAT = FIXTURES.resolve("models/micro-chat");
  // Not committed; it may lie beside the checkout.
  private static final Path MICRO_DRAFT =
      FIXTURES.resolve("../../shared/models/micro-draft").normalize();
  private static final double MARGIN = 0.01;

  private static List<int[]> unlimited = List.of();

  private static JsonNode read(Path model, String file) {
    return JSON.readTree(model.resolve(file));
  }

  private static LaminaOptions with(EngineConfig engine) {
    return LaminaOptions.DEFAULT.withEngine(engine);
  }

  private record Run(List<int[]> tokens, List<String> texts, EngineStats stats) {}

  private static Run answer(LaminaOptions options, int questions) {
    try (Lamina lamina = Lamina.open(MICRO_CHAT.toString(), options)) {
      List<AnswerStream> streams = new ArrayList<>();
      for (JsonNode c : read(MICRO_CHAT, "qa.json").get("cases")) {
        if (streams.size() < questions) {
          Prompt prompt = Prompt.user(c.get("question").stringValue());
          streams.add(lamina.stream(prompt, GenerationOptions.greedy()));
        }
      }
      List<Answer> answers = streams.stream().map(AnswerStream::answer).toList();
      return new Run(
          answers.stream().map(Answer::tokenIds).toList(),
          answers.stream().map(a -> String.valueOf(a.text())).toList(),
          lamina.engineStats());
    }
  }

  @BeforeAll
  static void allQuestionsAtOnce_areAnsweredAsTheReferenceDoes() {
    Run run = answer(LaminaOptions.DEFAULT, 300);
    List<String> reference = new ArrayList<>();
    read(MICRO_CHAT, "qa.json")
        .get("cases")
        .forEach(c -> reference.add(c.get("reference").stringValue()));
    assertThat(run.texts()).isEqualTo(reference).hasSize(300);
    assertThat(run.stats().maxBatch()).isGreaterThan(100);
    unlimited = run.tokens();
  }

  @Test
  void oneAtATime_changesNothing() {
    Run run = answer(with(EngineConfig.DEFAULT.withMaxNumSeqs(1)), 40);
    assertSame(run, 40);
    assertThat(run.stats().maxBatch()).isEqualTo(1);
  }

  @Test
  void sixtyFourAtATime_changesNothing() {
    assertSame(answer(with(EngineConfig.DEFAULT.withMaxNumSeqs(64)), 300), 300);
  }

  @Test
  void aBudgetOfSevenTokens_changesNothing() {
    assertSame(answer(with(EngineConfig.DEFAULT.withMaxNumBatchedTokens(7)), 60), 60);
  }

  @Test
  void noPrefixCache_changesNothing() {
    Run run = answer(with(EngineConfig.DEFAULT.withPrefixCaching(false)), 100);
    assertSame(run, 100);
    assertThat(run.stats().prefixHitTokens()).isZero();
  }

  @Test
  void preemption_changesNothing() {
    Run run = answer(with(EngineConfig.DEFAULT.withNumKvBlocks(12)), 100);
    assertSame(run, 100);
    assertThat(run.stats().preemptions()).isPositive();
  }

  private static void assertSame(Run run, int questions) {
    for (int i = 0; i < questions; i++) {
      assertThat(run.tokens().get(i)).as("question %d", i).isEqualTo(unlimited.get(i));
    }
  }

  private static List<Path> models() {
    return List.of(MICRO_CHAT, MICRO_DRAFT);
  }

  @ParameterizedTest
  @MethodSource("models")
  void goldens_areEqualUpToTheFirstSmallMargin(Path model) {
    assumeTrue(Files.exists(model), "not beside this checkout: " + model);
    try (Lamina lamina = Lamina.open(model.toString())) {
      for (JsonNode c : read(model, "goldens.json").get("cases")) {
        int[] expected = ints(c.get("greedy_ids"));
        GenerationOptions greedy =
            GenerationOptions.of(
                SamplingParams.builder().temperature(0).maxTokens(expected.length).build());
        int[] prompt = ints(c.get("prompt_ids"));
        assertUpToMargin(c, lamina.generate(new Prompt.Tokens(prompt), greedy), expected);
        Prompt words = words(c);
        assertThat(lamina.tokenize(words)).isEqualTo(prompt);
        assertUpToMargin(c, lamina.generate(words, greedy), expected);
      }
    }
  }

  private static Prompt words(JsonNode c) {
    JsonNode messages = c.get("messages");
    if (messages == null || messages.isNull()) {
      return Prompt.text(c.get("prompt").stringValue());
    }
    return new Prompt.Chat(Messages.read(messages), Messages.readTools(c.get("tools")));
  }

  private static void assertUpToMargin(JsonNode c, Answer answer, int[] expected) {
    int sure = 0;
    while (sure < expected.length && c.get("greedy_margin").get(sure).doubleValue() >= MARGIN) {
      sure++;
    }
    assertThat(answer.tokenIds())
        .as(c.get("prompt").stringValue())
        .startsWith(Arrays.copyOf(expected, sure));
    assertThat(answer.finishReason()).isIn(FinishReason.STOP, FinishReason.LENGTH);
  }

  private static int[] ints(JsonNode array) {
    int[] ids = new int[array.size()];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = array.get(i).intValue();
    }
    return ids;
  }
}
