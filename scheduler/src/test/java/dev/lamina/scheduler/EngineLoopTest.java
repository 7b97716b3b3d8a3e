package dev.lamina.scheduler;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.spi.DeviceLost;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Test;

class EngineLoopTest {
  private static RequestOutput end(RequestHandle handle)
      throws InterruptedException, ExecutionException, TimeoutException {
    return handle.future().get(20, TimeUnit.SECONDS);
  }

  @Test
  void requestsFromManyVirtualThreads_allGetTheirAnswer() throws Exception {
    Rig rig = new Rig(EngineConfig.DEFAULT.withMaxNumSeqs(8), 32);
    rig.engine.start();
    List<Future<int[]>> answers = new ArrayList<>();
    try (ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < 200; i++) {
        int seed = i;
        answers.add(
            callers.submit(() -> end(rig.add("r" + seed, Rig.prompt(seed, 20), 8)).tokenIds()));
      }
    }
    for (int i = 0; i < 200; i++) {
      assertThat(answers.get(i).get()).isEqualTo(FakeModel.generate(Rig.prompt(i, 20), 8));
    }
    rig.engine.close();
    assertThat(rig.model.closed).isTrue();
  }

  @Test
  void aFailedStep_endsEveryRequestWithItsErrorAndTheEngineLivesOn() throws Exception {
    Rig rig = new Rig(EngineConfig.DEFAULT.withMaxNumSeqs(1), 32);
    rig.model.failure = new IOException("device fell over");
    RequestHandle running = rig.add("running", Rig.prompt(1, 20), 8);
    RequestHandle waiting = rig.add("waiting", Rig.prompt(2, 20), 8);
    rig.engine.start();
    for (RequestHandle handle : List.of(running, waiting)) {
      assertThat(end(handle).finishReason()).isEqualTo(FinishReason.ERROR);
      assertThat(end(handle).error()).hasMessage("device fell over");
    }
    RequestHandle later = rig.add("later", Rig.prompt(1, 20), 8);
    assertThat(end(later).tokenIds()).isEqualTo(FakeModel.generate(Rig.prompt(1, 20), 8));
    assertThat(later.numCachedTokens()).isZero();
    assertThat(rig.engine.stats().numFreeKvBlocks()).isEqualTo(32);
    rig.engine.close();
  }

  @Test
  void aLostDevice_endsTheEngineWithoutHanging() throws Exception {
    Rig rig = new Rig(EngineConfig.DEFAULT, 32);
    rig.model.failure = new DeviceLost("fake:0: unplugged", null);
    RequestHandle handle = rig.add("a", Rig.prompt(1, 20), 8);
    rig.engine.start();
    assertThat(end(handle).error()).hasMessage("fake:0: unplugged");
    rig.engine.close();
    assertThatThrownBy(() -> rig.add("late", Rig.prompt(2, 20), 8))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "addRequest: expected a running engine, got one that failed: fake:0: unplugged; open"
                + " the model again");
    assertThat(rig.model.closed).isTrue();
  }

  @Test
  void close_endsWhatRunsAndRefusesTheRest() throws Exception {
    Rig rig = new Rig(EngineConfig.DEFAULT, 32);
    rig.engine.start();
    RequestHandle handle = rig.add("endless", Rig.prompt(1, 20), SamplingParams.NO_LIMIT);
    rig.engine.close();
    assertThat(end(handle).finishReason()).isIn(FinishReason.ABORT, FinishReason.LENGTH);
    assertThatThrownBy(() -> rig.add("late", Rig.prompt(2, 20), 8))
        .hasMessage(
            "addRequest: expected a running engine, got one that was closed; open the model again");
  }

  @Test
  void abort_fromTheListener_isHeardBeforeTheNextStep() throws Exception {
    Rig rig = new Rig(EngineConfig.DEFAULT, 32);
    rig.engine.start();
    for (int round = 0; round < 50; round++) {
      RequestHandle handle =
          rig.engine.addRequest(
              GenerationRequest.of("r" + round, Rig.prompt(round, 20), Rig.greedy(400)),
              token -> {
                if (token.index() == 3) {
                  token.request().abort();
                }
              });
      assertThat(end(handle).finishReason()).isEqualTo(FinishReason.ABORT);
      assertThat(end(handle).tokenIds()).hasSize(4);
    }
    rig.engine.close();
    assertThat(rig.engine.stats().numFreeKvBlocks()).isEqualTo(32);
  }
}
