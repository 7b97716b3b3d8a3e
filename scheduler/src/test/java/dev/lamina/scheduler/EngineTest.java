package dev.lamina.scheduler;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

class EngineTest {
  private static final EngineConfig CONFIG = EngineConfig.DEFAULT;

  private static int[] tokens(RequestHandle handle) {
    RequestOutput output = handle.future().join();
    assertThat(output.error()).isNull();
    return output.tokenIds();
  }

  @Test
  void step_generatesWhatTheModelSays() throws Exception {
    Rig rig = new Rig(CONFIG, 64);
    int[] prompt = Rig.prompt(1, 37);
    RequestHandle handle = rig.add("a", prompt, 20);
    rig.run();
    assertThat(tokens(handle)).isEqualTo(FakeModel.generate(prompt, 20));
    assertThat(handle.future().join().finishReason()).isEqualTo(FinishReason.LENGTH);
    assertThat(rig.engine.stats().steps()).isEqualTo(20);
    assertThat(rig.engine.stats().numFreeKvBlocks()).isEqualTo(64);
  }

  @Test
  void step_withABudgetOfSeven_chunksPrefillAndChangesNothing() throws Exception {
    Rig rig = new Rig(CONFIG.withMaxNumBatchedTokens(7), 64);
    List<RequestHandle> handles = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      handles.add(rig.add("r" + i, Rig.prompt(i, 1 + 7 * i), 9));
    }
    rig.run();
    assertThat(rig.model.maxTokensOfAStep).isEqualTo(7);
    for (int i = 0; i < 10; i++) {
      assertThat(tokens(handles.get(i))).isEqualTo(FakeModel.generate(Rig.prompt(i, 1 + 7 * i), 9));
    }
  }

  @Test
  void step_withOneSequence_runsRequestsOneAfterAnother() throws Exception {
    Rig rig = new Rig(CONFIG.withMaxNumSeqs(1), 64);
    for (int i = 0; i < 5; i++) {
      rig.add("r" + i, Rig.prompt(i, 20), 5 - i);
    }
    rig.run();
    assertThat(rig.finishedInOrder).containsExactly("r0", "r1", "r2", "r3", "r4");
    assertThat(rig.engine.stats().maxBatch()).isEqualTo(1);
  }

  @Test
  void onFinished_findsTheRequestCounted() throws Exception {
    Rig rig = new Rig(CONFIG, 64);
    List<String> counted = new ArrayList<>();
    rig.engine.addRequest(
        GenerationRequest.of("a", Rig.prompt(1, 5), Rig.greedy(2)),
        new TokenListener() {
          @Override
          public void onToken(TokenOutput token) {}

          @Override
          public void onFinished(RequestOutput output) {
            counted.addAll(rig.finishedInOrder);
          }
        });
    rig.run();
    assertThat(counted).containsExactly("a");
  }

  @Test
  void step_withLongPrefillThreshold_letsOthersThrough() throws Exception {
    Rig rig = new Rig(CONFIG.withLongPrefillTokenThreshold(10), 64);
    rig.add("long", Rig.prompt(1, 100), 1);
    rig.add("short", Rig.prompt(2, 5), 2);
    rig.run();
    assertThat(rig.finishedInOrder).containsExactly("short", "long");
    assertThat(rig.model.maxTokensOfAStep).isEqualTo(15);
  }

  @Test
  void step_underMemoryPressure_preemptsAndLosesNoToken() throws Exception {
    Rig rig = new Rig(CONFIG, 12);
    List<RequestHandle> handles = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      handles.add(rig.add("r" + i, Rig.prompt(i, 20), 60));
    }
    rig.run();
    assertThat(rig.engine.stats().preemptions()).isPositive();
    for (int i = 0; i < 8; i++) {
      assertThat(tokens(handles.get(i))).isEqualTo(FakeModel.generate(Rig.prompt(i, 20), 60));
    }
    assertThat(rig.finishedInOrder).startsWith("r0");
    assertThat(rig.engine.stats().numFreeKvBlocks()).isEqualTo(12);
  }

  @Test
  void step_withPriorities_runsAndKeepsTheBest() throws Exception {
    Rig rig = new Rig(CONFIG.withSchedulingPolicy(SchedulingPolicy.PRIORITY).withMaxNumSeqs(2), 64);
    for (int i = 0; i < 6; i++) {
      rig.engine.addRequest(
          GenerationRequest.of("p" + (5 - i), Rig.prompt(i, 10), Rig.greedy(4)).withPriority(5 - i),
          TokenListener.NONE);
    }
    rig.run();
    assertThat(rig.finishedInOrder).containsExactly("p0", "p1", "p2", "p3", "p4", "p5");
  }

  @Test
  void step_withPrioritiesUnderPressure_preemptsTheWorst() throws Exception {
    Rig rig = new Rig(CONFIG.withSchedulingPolicy(SchedulingPolicy.PRIORITY), 6);
    rig.engine.addRequest(
        GenerationRequest.of("worst", Rig.prompt(1, 30), Rig.greedy(40)).withPriority(9),
        TokenListener.NONE);
    rig.engine.step();
    rig.engine.addRequest(
        GenerationRequest.of("best", Rig.prompt(2, 30), Rig.greedy(40)).withPriority(1),
        TokenListener.NONE);
    rig.run();
    assertThat(rig.engine.stats().preemptions()).isPositive();
    assertThat(rig.finishedInOrder).containsExactly("best", "worst");
  }

  @Test
  void step_sharesPrefixesWithEarlierRequestsAndWithinAStep() throws Exception {
    Rig rig = new Rig(CONFIG, 64);
    int[] prompt = Rig.prompt(3, 48);
    RequestHandle first = rig.add("first", prompt, 5);
    RequestHandle twin = rig.add("twin", prompt, 5);
    rig.run();
    RequestHandle later = rig.add("later", prompt, 5);
    rig.run();
    assertThat(first.numCachedTokens()).isZero();
    assertThat(twin.numCachedTokens()).isEqualTo(32);
    assertThat(later.numCachedTokens()).isEqualTo(32);
    assertThat(tokens(twin)).isEqualTo(FakeModel.generate(prompt, 5));
    assertThat(tokens(later)).isEqualTo(FakeModel.generate(prompt, 5));
    assertThat(rig.engine.stats().prefixHitTokens()).isEqualTo(64);
    assertThat(rig.engine.stats().prefixQueryTokens()).isEqualTo(3 * 48);
  }

  @Test
  void step_reusesGeneratedTokensOfAnEarlierTurn() throws Exception {
    Rig rig = new Rig(CONFIG, 64);
    int[] prompt = Rig.prompt(4, 20);
    int[] answer = FakeModel.generate(prompt, 30);
    rig.add("turn 1", prompt, 30);
    rig.run();
    int[] second = java.util.Arrays.copyOf(prompt, 60);
    System.arraycopy(answer, 0, second, 20, 30);
    RequestHandle handle = rig.add("turn 2", second, 5);
    rig.run();
    assertThat(handle.numCachedTokens()).isEqualTo(48);
    assertThat(tokens(handle)).isEqualTo(FakeModel.generate(second, 5));
  }

  @Test
  void step_neverSharesAcrossSaltOrAdapter() throws Exception {
    Rig rig = new Rig(CONFIG, 64);
    GenerationRequest plain = GenerationRequest.of("plain", Rig.prompt(5, 40), Rig.greedy(2));
    List<GenerationRequest> others =
        List.of(
            plain,
            plain.withCacheSalt("a"),
            plain.withCacheSalt("b"),
            plain.withAdapter(new Adapter("a", 0, 0)),
            plain.withAdapter(new Adapter("a", 0, 0)).withCacheSalt("a"));
    for (int round = 0; round < 2; round++) {
      for (GenerationRequest request : others) {
        RequestHandle handle = rig.engine.addRequest(request, TokenListener.NONE);
        rig.run();
        assertThat(handle.numCachedTokens()).isEqualTo(round * 32);
      }
    }
  }

  @Test
  void adopt_happensBetweenSteps_andDisturbsNoRequest() throws Exception {
    Rig rig = new Rig(CONFIG, 64);
    int[] prompt = Rig.prompt(1, 20);
    RequestHandle handle = rig.add("a", prompt, 9);
    rig.engine.step();
    CompletableFuture<Void> adopted = rig.engine.adopt(null);
    assertThat(adopted).isNotDone();
    rig.engine.step();
    assertThat(adopted).isCompleted();
    assertThat(rig.model.adoptions).isEqualTo(1);
    rig.run();
    assertThat(tokens(handle)).isEqualTo(FakeModel.generate(prompt, 9));
  }

  @Test
  void adopt_thatFails_tellsItsCallerAndLetsRequestsGoOn() throws Exception {
    Rig rig = new Rig(CONFIG, 64);
    rig.model.adoptionFailure = new IllegalArgumentException("no such slot");
    RequestHandle handle = rig.add("a", Rig.prompt(1, 20), 9);
    CompletableFuture<Void> adopted = rig.engine.adopt(null);
    rig.run();
    assertThatThrownBy(adopted::join).hasRootCauseMessage("no such slot");
    assertThat(tokens(handle)).isEqualTo(FakeModel.generate(Rig.prompt(1, 20), 9));
  }

  @Test
  void adopt_afterTheEnd_fails() {
    Rig rig = new Rig(CONFIG, 64);
    CompletableFuture<Void> waiting = rig.engine.adopt(null);
    rig.engine.close();
    assertThatThrownBy(waiting::join).hasRootCauseMessage("the engine has ended");
    assertThatThrownBy(rig.engine.adopt(null)::join).hasRootCauseMessage("the engine has ended");
  }

  @Test
  void step_withoutPrefixCaching_findsNothing() throws Exception {
    Rig rig = new Rig(CONFIG.withPrefixCaching(false), 64);
    rig.add("a", Rig.prompt(6, 40), 2);
    RequestHandle handle = rig.add("b", Rig.prompt(6, 40), 2);
    rig.run();
    assertThat(handle.numCachedTokens()).isZero();
    assertThat(rig.engine.stats().prefixQueryTokens()).isZero();
  }

  @Test
  void step_withSeveralGroups_keepsTheirTablesInStep() throws Exception {
    Rig rig = new Rig(CONFIG, 12, 3);
    List<RequestHandle> handles = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      handles.add(rig.add("r" + i, Rig.prompt(i % 2, 33), 40));
    }
    rig.run();
    assertThat(rig.engine.stats().preemptions()).isPositive();
    assertThat(rig.engine.stats().prefixHitTokens()).isPositive();
    for (int i = 0; i < 6; i++) {
      assertThat(tokens(handles.get(i))).isEqualTo(FakeModel.generate(Rig.prompt(i % 2, 33), 40));
    }
  }

  @Test
  void step_endsAtEosAndAtStopIds_unlessTold() throws Exception {
    Rig rig = new Rig(CONFIG, 64);
    int[] prompt = Rig.prompt(8, 10);
    int[] all = FakeModel.generate(prompt, 30);
    SamplingParams stopping =
        SamplingParams.builder().temperature(0).maxTokens(30).stopTokenIds(all[12]).build();
    RequestHandle handle =
        rig.engine.addRequest(GenerationRequest.of("stop", prompt, stopping), TokenListener.NONE);
    rig.run();
    RequestOutput output = handle.future().join();
    assertThat(output.finishReason()).isEqualTo(FinishReason.STOP);
    assertThat(output.tokenIds()).isEqualTo(FakeModel.generate(prompt, 30, all[12]));
  }

  @Test
  void step_endsAtEos() throws Exception {
    int[] prompt = promptWhoseAnswerHasEosAt(10);
    Rig rig = new Rig(CONFIG, 64);
    SamplingParams plain = SamplingParams.builder().temperature(0).maxTokens(30).build();
    SamplingParams late =
        SamplingParams.builder().temperature(0).maxTokens(30).minTokens(30).build();
    RequestHandle ends =
        rig.engine.addRequest(GenerationRequest.of("eos", prompt, plain), TokenListener.NONE);
    RequestHandle goesOn =
        rig.engine.addRequest(GenerationRequest.of("late", prompt, late), TokenListener.NONE);
    RequestHandle ignores = rig.add("ignore", prompt, 30);
    rig.run();
    assertThat(ends.future().join().finishReason()).isEqualTo(FinishReason.STOP);
    assertThat(tokens(ends)).hasSize(11).endsWith(Rig.EOS);
    assertThat(tokens(goesOn)).hasSize(30);
    assertThat(tokens(ignores)).hasSize(30);
  }

  private static int[] promptWhoseAnswerHasEosAt(int index) {
    for (long seed = 0; ; seed++) {
      int[] prompt = Rig.prompt(seed, 12);
      int[] answer = FakeModel.generate(prompt, index + 1, Rig.EOS);
      if (answer.length == index + 1 && answer[index] == Rig.EOS) {
        return prompt;
      }
    }
  }

  @Test
  void step_endsAtTheLongestContext() throws Exception {
    Rig rig = new Rig(CONFIG.withMaxModelLen(50), 64);
    RequestHandle limited = rig.add("a", Rig.prompt(1, 40), 100);
    RequestHandle unlimited = rig.add("b", Rig.prompt(2, 40), SamplingParams.NO_LIMIT);
    rig.run();
    for (RequestHandle handle : List.of(limited, unlimited)) {
      assertThat(tokens(handle)).hasSize(10);
      assertThat(handle.future().join().finishReason()).isEqualTo(FinishReason.LENGTH);
    }
  }

  @Test
  void step_withoutLimit_endsWhereThePoolEnds() throws Exception {
    Rig rig = new Rig(CONFIG, 2);
    RequestHandle handle = rig.add("a", Rig.prompt(1, 20), SamplingParams.NO_LIMIT);
    rig.run();
    assertThat(tokens(handle)).hasSize(13);
    assertThat(handle.future().join().finishReason()).isEqualTo(FinishReason.LENGTH);
  }

  @Test
  void step_whenARequestOutgrowsThePool_endsItWithOneClearError() throws Exception {
    Rig rig = new Rig(CONFIG, 2);
    RequestHandle handle = rig.add("big", Rig.prompt(1, 20), 100);
    RequestHandle other = rig.add("small", Rig.prompt(2, 10), 10);
    rig.run();
    RequestOutput output = handle.future().join();
    assertThat(output.finishReason()).isEqualTo(FinishReason.ERROR);
    assertThat(output.error())
        .isInstanceOf(CapacityExceededException.class)
        .hasMessage(
            "KV cache: request big needs more than the 2 blocks of the pool, after 20 prompt and 13"
                + " output tokens; raise --num-kv-blocks or lower max_tokens");
    assertThat(tokens(other)).isEqualTo(FakeModel.generate(Rig.prompt(2, 10), 10));
  }

  @Test
  void addRequest_refusesAPromptLargerThanThePool() {
    Rig rig = new Rig(CONFIG, 2);
    assertThatThrownBy(() -> rig.add("big", Rig.prompt(1, 33), 1))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessage(
            "KV cache: a prompt of 33 tokens needs more than the 2 blocks of the pool (32 tokens);"
                + " raise --num-kv-blocks or shorten the prompt");
  }

  @Test
  void addRequest_refusesWhatCanNeverRun() {
    Rig rig = new Rig(CONFIG, 64);
    assertThatThrownBy(() -> rig.add("long", Rig.prompt(1, Rig.MAX_MODEL_LEN), 1))
        .hasMessage(
            "prompt: expected fewer tokens than the 512 of the longest context, got 512;"
                + " shorten the prompt");
    assertThatThrownBy(() -> rig.add("range", new int[] {3, 1000}, 1))
        .hasMessage("prompt: expected token ids in 0..999, got 1000 at index 1");
    assertThatThrownBy(() -> rig.add("range", new int[] {-1}, 1))
        .hasMessage("prompt: expected token ids in 0..999, got -1 at index 0");
    assertThatThrownBy(() -> rig.add("empty", new int[0], 1))
        .hasMessage("prompt: expected at least one token, got none");
  }

  @Test
  void abort_freesBlocksWhileWaitingMidPrefillAndRunning() throws Exception {
    Rig rig = new Rig(CONFIG.withMaxNumBatchedTokens(16).withMaxNumSeqs(2), 64);
    RequestHandle running = rig.add("running", Rig.prompt(1, 10), 100);
    RequestHandle prefilling = rig.add("prefilling", Rig.prompt(2, 100), 100);
    RequestHandle waiting = rig.add("waiting", Rig.prompt(3, 10), 100);
    rig.engine.step();
    rig.engine.step();
    for (RequestHandle handle : List.of(waiting, prefilling, running)) {
      handle.abort();
      handle.abort();
      assertThat(handle.isFinished()).isFalse();
      rig.engine.step();
      assertThat(handle.future().join().finishReason()).isEqualTo(FinishReason.ABORT);
    }
    assertThat(rig.engine.stats().numFreeKvBlocks()).isEqualTo(64);
    assertThat(rig.engine.stats().numRunning()).isZero();
    assertThat(rig.engine.stats().numWaiting()).isZero();
  }

  @Test
  void abort_beforeTheFirstStep_endsTheRequest() throws Exception {
    Rig rig = new Rig(CONFIG, 64);
    RequestHandle handle = rig.add("a", Rig.prompt(1, 10), 100);
    handle.abort();
    assertThat(rig.engine.step()).isFalse();
    assertThat(handle.future().join().tokenIds()).isEmpty();
  }

  @Test
  void onToken_canStopItsRequestAtOnce() throws Exception {
    Rig rig = new Rig(CONFIG, 64);
    List<Integer> seen = new ArrayList<>();
    RequestHandle handle =
        rig.engine.addRequest(
            GenerationRequest.of("a", Rig.prompt(1, 10), Rig.greedy(50)),
            token -> {
              seen.add(token.tokenId());
              assertThat(token.index()).isEqualTo(seen.size() - 1);
              if (seen.size() == 4) {
                token.stop();
              }
            });
    rig.run();
    assertThat(seen).hasSize(4);
    assertThat(tokens(handle)).hasSize(4);
    assertThat(handle.future().join().finishReason()).isEqualTo(FinishReason.STOP);
    assertThat(rig.engine.stats().steps()).isEqualTo(4);
  }

  @Test
  void onToken_thatThrows_endsOnlyItsRequest() throws Exception {
    Rig rig = new Rig(CONFIG, 64);
    RequestHandle broken =
        rig.engine.addRequest(
            GenerationRequest.of("broken", Rig.prompt(1, 10), Rig.greedy(50)),
            token -> {
              throw new IllegalStateException("listener broke");
            });
    RequestHandle fine = rig.add("fine", Rig.prompt(2, 10), 5);
    rig.run();
    assertThat(broken.future().join().finishReason()).isEqualTo(FinishReason.ERROR);
    assertThat(broken.future().join().error()).hasMessage("listener broke");
    assertThat(tokens(fine)).hasSize(5);
  }

  @Test
  void timing_tellsQueueFirstTokenAndEnd() throws Exception {
    Rig rig = new Rig(CONFIG, 64);
    RequestHandle handle = rig.add("a", Rig.prompt(1, 10), 5);
    rig.run();
    RequestTiming timing = handle.future().join().timing();
    assertThat(timing.scheduledNanos()).isGreaterThanOrEqualTo(timing.arrivalNanos());
    assertThat(timing.firstTokenNanos()).isGreaterThan(timing.scheduledNanos());
    assertThat(timing.finishedNanos()).isGreaterThan(timing.firstTokenNanos());
    assertThat(timing.endToEndNanos())
        .isEqualTo(timing.queueNanos() + timing.prefillNanos() + timing.decodeNanos());
  }
}
