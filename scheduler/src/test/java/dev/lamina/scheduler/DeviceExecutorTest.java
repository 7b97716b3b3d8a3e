package dev.lamina.scheduler;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.ir.Graph;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DeviceExecutorTest {
  private static final EngineConfig CONFIG =
      EngineConfig.DEFAULT.withMaxNumSeqs(6).withMaxNumBatchedTokens(41);

  private static void run(Engine engine) throws Exception {
    while (engine.step()) {}
  }

  private static RequestHandle add(Engine engine, int[] promptIds, SamplingParams sampling) {
    return engine.addRequest(GenerationRequest.of("r", promptIds, sampling), TokenListener.NONE);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void steps_padToTheBucketAndAnswerRight(boolean sharedWithHost) throws Exception {
    FakeStepGraph graph = new FakeStepGraph(sharedWithHost, CONFIG, 32);
    Engine engine = Engine.of(graph.model, CONFIG, EngineObserver.NONE);
    List<RequestHandle> handles = new ArrayList<>();
    for (int i = 0; i < 9; i++) {
      handles.add(add(engine, Rig.prompt(i, 1 + 13 * i), Rig.greedy(10)));
    }
    run(engine);
    for (int i = 0; i < 9; i++) {
      assertThat(handles.get(i).future().join().tokenIds())
          .isEqualTo(FakeModel.generate(Rig.prompt(i, 1 + 13 * i), 10));
    }
    engine.close();
    assertThat(graph.device.live).containsExactly(graph.model.forward());
  }

  @Test
  void plainGreedyDecoding_compilesAnArgmaxAndNothingElse() throws Exception {
    FakeStepGraph graph = new FakeStepGraph(true, CONFIG, 32);
    Engine engine = Engine.of(graph.model, CONFIG, EngineObserver.NONE);
    add(engine, Rig.prompt(1, 10), Rig.greedy(5));
    run(engine);
    assertThat(graph.device.compiled).hasSize(2);
    assertThat(ops(graph.device.compiled.getLast())).containsExactly("argmax");
    engine.close();
  }

  @Test
  void everyFeature_addsItsOpsAndIsCompiledOnce() throws Exception {
    FakeStepGraph graph = new FakeStepGraph(true, CONFIG, 32);
    Engine engine = Engine.of(graph.model, CONFIG, EngineObserver.NONE);
    SamplingParams all =
        SamplingParams.builder()
            .temperature(0.5f)
            .topP(0.9f)
            .presencePenalty(1)
            .minTokens(3)
            .maxTokens(3)
            .logprobs(2)
            .build();
    add(engine, Rig.prompt(1, 10), all);
    run(engine);
    add(engine, Rig.prompt(2, 10), all);
    run(engine);
    assertThat(graph.device.compiled).hasSize(2);
    assertThat(ops(graph.device.compiled.getLast()))
        .containsExactly(
            "gather",
            "view",
            "expand",
            "fill",
            "compare",
            "select",
            "penalties",
            "apply_bitmask",
            "sample",
            "logprobs");
    engine.close();
  }

  /** The fake sampler holds each history to the context. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void penalties_seeTheWholeContext_alsoOneStepAhead(boolean sharedWithHost) throws Exception {
    FakeStepGraph graph = new FakeStepGraph(sharedWithHost, CONFIG, 32);
    Engine engine = Engine.of(graph.model, CONFIG, EngineObserver.NONE);
    List<RequestHandle> handles = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      SamplingParams.Builder sampling = SamplingParams.builder().temperature(0).maxTokens(6 + i);
      sampling.ignoreEos(true).presencePenalty(i % 2);
      handles.add(add(engine, Rig.prompt(i, 1 + 13 * i), sampling.build()));
    }
    run(engine);
    for (int i = 0; i < 4; i++) {
      assertThat(handles.get(i).future().join().tokenIds())
          .isEqualTo(FakeModel.generate(Rig.prompt(i, 1 + 13 * i), 6 + i));
    }
    assertThat(ops(graph.device.compiled.getLast())).contains("penalties");
    engine.close();
  }

  private static List<String> ops(Graph graph) {
    return graph.nodes().stream().map(node -> node.op().mnemonic()).toList();
  }

  @Test
  void minTokens_hidesEosAndStopIdsUntilThen() throws Exception {
    int[] prompt = Rig.prompt(1, 10);
    int[] free = FakeModel.generate(prompt, 8);
    FakeStepGraph graph = new FakeStepGraph(true, CONFIG, 32);
    Engine engine = Engine.of(graph.model, CONFIG, EngineObserver.NONE);
    RequestHandle handle =
        add(
            engine,
            prompt,
            SamplingParams.builder()
                .temperature(0)
                .maxTokens(8)
                .minTokens(6)
                .stopTokenIds(free[0], free[1])
                .build());
    run(engine);
    int[] got = handle.future().join().tokenIds();
    assertThat(got[0]).isNotEqualTo(free[0]);
    assertThat(got.length).isGreaterThanOrEqualTo(6);
    engine.close();
  }

  @Test
  void logprobs_comeWithTheTokensThatAskedForThem() throws Exception {
    FakeStepGraph graph = new FakeStepGraph(false, CONFIG, 32);
    Engine engine = Engine.of(graph.model, CONFIG, EngineObserver.NONE);
    List<String> seen = new ArrayList<>();
    engine.addRequest(
        GenerationRequest.of("plain", Rig.prompt(2, 5), Rig.greedy(1)),
        token -> seen.add(token.logprob() + " " + token.numTopLogprobs()));
    engine.addRequest(
        GenerationRequest.of(
            "asks",
            Rig.prompt(1, 10),
            SamplingParams.builder().temperature(0).maxTokens(1).logprobs(3).build()),
        token -> {
          seen.add(token.logprob() + token.tokenId() + " " + token.numTopLogprobs());
          for (int k = 0; k < token.numTopLogprobs(); k++) {
            seen.add(token.topTokenId(k) + " " + token.topLogprob(k));
          }
        });
    run(engine);
    assertThat(seen).containsExactly("NaN 0", "0.0 3", "100 0.0", "101 -1.0", "102 -2.0");
    engine.close();
  }

  /** Not shared with the host, the device goes on after a submit, and steps run one ahead. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aFailedStep_poisonsNothingThatComesAfter(boolean sharedWithHost) throws Exception {
    FakeStepGraph graph = new FakeStepGraph(sharedWithHost, CONFIG, 32);
    Engine engine = Engine.of(graph.model, CONFIG, EngineObserver.NONE);
    add(engine, Rig.prompt(1, 10), Rig.greedy(5));
    engine.step();
    graph.failure = new InvalidProgram("index out of range", null);
    if (!sharedWithHost) {
      // Its error comes when it is awaited, which is behind the submit of the next one.
      assertThat(engine.step()).isTrue();
    }
    assertThatThrownBy(engine::step).hasMessage("index out of range");
    engine.fail(new InvalidProgram("index out of range", null));
    RequestHandle later = add(engine, Rig.prompt(1, 10), Rig.greedy(5));
    run(engine);
    assertThat(later.future().join().tokenIds())
        .isEqualTo(FakeModel.generate(Rig.prompt(1, 10), 5));
    engine.close();
    assertThat(graph.device.live).containsExactly(graph.model.forward());
  }

  @Test
  void forwardPass_aloneGivesTheLogitsOfEveryToken() throws Exception {
    FakeStepGraph graph = new FakeStepGraph(false, CONFIG, 32);
    int[] ids = Rig.prompt(5, 30);
    int[][] blockTables = {{7, 3}};
    ScheduledBatch batch = new ScheduledBatch(1, 41, graph.model.groups());
    try (ForwardPass forward = new ForwardPass(graph.model)) {
      for (int first = 0; first < 30; first += 7) {
        int n = Math.min(7, 30 - first);
        batch.clear();
        batch.add(ids, first, n, blockTables, n);
        forward.run(batch);
        MemorySegment logits = forward.readLogits();
        for (int row = 0; row < n; row++) {
          long at = (long) row * FakeModel.VOCAB + FakeModel.next(ids, first + n);
          assertThat(logits.getAtIndex(ValueLayout.JAVA_FLOAT, at)).isEqualTo(1);
        }
      }
    }
  }

  @Test
  void compiledModel_refusesGroupsWithoutPools() throws Exception {
    CompiledModel model = new FakeStepGraph(true, CONFIG, 32).model;
    assertThatThrownBy(() ->
            new CompiledModel(
                model.device(),
                model.forward(),
                model.slots(),
                model.weights(),
                model.groups(),
                List.of(),
                null,
                model.limits()))
        .hasMessage(
            "compiled model: expected one state for each KV group and at least one of all, got 0"
                + " states and 1 groups");
  }
}
