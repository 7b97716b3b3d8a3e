package dev.lamina.scheduler;

import dev.lamina.spi.BackendException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.jspecify.annotations.Nullable;

/**
 * Takes requests from any thread and runs them, step by step, on one.
 *
 * <p>{@link #start} gives it a thread of its own; without that, the caller drives {@link #step}
 * from one thread. A request goes from the inbox to waiting, to running, to its end; {@link
 * RequestHandle} and {@link TokenListener} tell.
 */
public final class Engine implements AutoCloseable {
  private final Inbox inbox = new Inbox();
  private final Counters counters = new Counters();
  private final AtomicInteger numUnfinished = new AtomicInteger();
  private final Admission admission;
  private final BlockManager blockManager;
  private final @Nullable StateSlots states;
  private final Scheduler scheduler;
  private final StepExecutor executor;
  private final ScheduledBatch batch;

  /** By turn: the step that is put together, and the one that runs. */
  private final SchedulerOutput[] outputs;

  /** What the executor runs and nobody has awaited. */
  private @Nullable SchedulerOutput inFlight;

  private final boolean enablePrefixCaching;
  private final ConcurrentLinkedQueue<Adoption> adoptions = new ConcurrentLinkedQueue<>();
  private @Nullable EngineLoop loop;
  private volatile boolean ended;
  private volatile @Nullable Throwable fatal;

  /** A step with adapters that the engine thread is to take over. */
  private record Adoption(@Nullable AdaptedStep step, CompletableFuture<Void> done) {}

  /**
   * @param config the flags
   * @param limits what the model allows
   * @param groups the KV pools, in the model's order
   * @param numStateSlots slots of the pool of recurrent state, 0 if the model has none
   * @param executor runs the steps; the engine closes it
   * @param observer sees steps and ends
   */
  public Engine(
      EngineConfig config,
      ModelLimits limits,
      List<KvGroup> groups,
      int numStateSlots,
      StepExecutor executor,
      EngineObserver observer) {
    this.admission = new Admission(config, limits, groups, inbox);
    int blockSize = groups.isEmpty() ? config.blockSize() : groups.getFirst().blockSize();
    this.blockManager = new BlockManager(groups, blockSize, config.enablePrefixCaching());
    this.states =
        numStateSlots == 0
            ? null
            : new StateSlots(numStateSlots, blockSize, config.enablePrefixCaching());
    this.enablePrefixCaching = config.enablePrefixCaching();
    this.executor = executor;
    Callbacks callbacks = new Callbacks(observer, numUnfinished);
    this.scheduler =
        new Scheduler(config, limits.eosTokenIds(), blockManager, states, callbacks, counters);
    this.outputs =
        new SchedulerOutput[] {
          new SchedulerOutput(config.maxNumSeqs()), new SchedulerOutput(config.maxNumSeqs())
        };
    this.batch = new ScheduledBatch(config.maxNumSeqs(), config.maxNumBatchedTokens(), groups);
  }

  /**
   * An engine that runs a compiled model on its device.
   *
   * @param model not closed with the engine
   * @param config the flags
   * @param observer sees steps and ends
   * @throws BackendException when the device refuses the model's weights or pools
   */
  public static Engine of(CompiledModel model, EngineConfig config, EngineObserver observer)
      throws BackendException {
    StepExecutor executor = new DeviceExecutor(model, config.maxNumSeqs());
    return new Engine(
        config, model.limits(), model.groups(), model.numStateSlots(), executor, observer);
  }

  /**
   * Queues a request; any thread.
   *
   * @param listener told of each token on the engine thread
   * @throws InvalidRequestException when it could never run
   * @throws IllegalStateException when the engine has ended
   */
  public RequestHandle addRequest(GenerationRequest request, TokenListener listener) {
    Request admitted = admission.admit(request, listener);
    if (ended) {
      Throwable error = fatal;
      throw new IllegalStateException(
          "addRequest: expected a running engine, got one that %s; open the model again"
              .formatted(error == null ? "was closed" : "failed: " + error.getMessage()),
          error);
    }
    numUnfinished.incrementAndGet();
    inbox.put(admitted);
    if (ended) {
      rejectInbox();
    }
    return admitted;
  }

  /**
   * Has requests with adapters run by another form of the model's step, from the next step on; any
   * thread. Requests that are running go on undisturbed, so their adapters must be in it.
   *
   * @param step of the same model, null = there are no adapters any more
   * @return done once the step before it is out of use; fails if the device refuses it or the
   *     engine has ended
   */
  public CompletableFuture<Void> adopt(@Nullable AdaptedStep step) {
    Adoption adoption = new Adoption(step, new CompletableFuture<>());
    adoptions.add(adoption);
    inbox.wake();
    if (ended) {
      rejectAdoptions();
    }
    return adoption.done;
  }

  /** Whether it takes requests: false once it was closed or failed for good. Any thread. */
  public boolean isRunning() {
    return !ended;
  }

  /** Longest context, prompt and output. */
  public int maxModelLen() {
    return admission.maxModelLen();
  }

  /** Starts the engine thread; call at most once, and {@link #step} no more. */
  public void start() {
    if (loop != null) {
      throw new IllegalStateException("start: expected one call, got a second");
    }
    loop = new EngineLoop(this, inbox);
    loop.start();
  }

  /**
   * Runs one step; engine thread only. Where the executor runs ahead, that is to put the next step
   * together and submit it, and then to wait for the one before it.
   *
   * @return whether anything ran; false when there is nothing to do
   * @throws Exception when the executor failed; see {@link #fail}
   */
  public boolean step() throws Exception {
    drainInbox();
    adoptSteps();
    SchedulerOutput running = inFlight;
    if (running != null && scheduler.waitsForIds()) {
      collect(running);
      running = null;
    }
    SchedulerOutput next = running == outputs[0] ? outputs[1] : outputs[0];
    scheduler.schedule(next, running != null);
    boolean submits = next.numSeqs() > 0;
    if (!submits && running == null && scheduler.hasRequests()) {
      throw new AssertionError(
          "schedule: expected tokens to run for "
              + scheduler.numWaiting()
              + " waiting and "
              + scheduler.numRunning()
              + " running requests, got none");
    }
    if (submits) {
      executor.execute(batch.fill(next));
    }
    if (running != null) {
      collect(running);
    }
    if (submits) {
      inFlight = next;
      if (!executor.runsAhead()) {
        collect(next);
      }
    }
    return submits || running != null;
  }

  /** Waits for what was submitted, and hands out its tokens. */
  private void collect(SchedulerOutput step) throws Exception {
    SampledTokens sampled = executor.await();
    inFlight = null;
    scheduler.postprocess(step, sampled);
  }

  /** A snapshot of the counters; any thread. */
  public EngineStats stats() {
    int running = counters.numRunning;
    AtomicIntegerArray free = counters.numFreeByGroup;
    Integer[] freeByGroup = new Integer[free.length()];
    for (int g = 0; g < freeByGroup.length; g++) {
      freeByGroup[g] = free.get(g);
    }
    return new EngineStats(
        counters.steps.value(),
        (int) counters.maxBatch.value(),
        counters.preemptions.value(),
        enablePrefixCaching ? counters.promptTokens.value() : 0,
        counters.prefixHitTokens.value(),
        counters.promptTokens.value(),
        counters.generationTokens.value(),
        running,
        Math.max(0, numUnfinished.get() - running),
        blockManager.numGroups() == 0 ? 0 : blockManager.numBlocks(),
        counters.numFreeKvBlocks,
        List.of(freeByGroup));
  }

  /** Ends every request with {@link FinishReason#ABORT}, then the thread and the executor. */
  @Override
  public void close() {
    EngineLoop running = loop;
    if (running != null) {
      running.stop();
    } else if (!ended) {
      end(null);
    }
  }

  /** What is wrong with the block books, or null; for tests. */
  @Nullable String brokenInvariant() {
    String broken = blockManager.brokenInvariant();
    return broken == null && states != null
        ? states.brokenInvariant(scheduler.numRunning())
        : broken;
  }

  /** Ends every request with {@code error}: the content of the KV cache is unknown. */
  void fail(Throwable error) {
    drainInbox();
    executor.abandon();
    inFlight = null;
    scheduler.endAll(FinishReason.ERROR, error);
    blockManager.resetPrefixCache();
    if (states != null) {
      states.resetCheckpoints();
    }
  }

  /** The last thing the engine thread does: nothing is accepted any more. */
  void end(@Nullable Throwable error) {
    fatal = error;
    ended = true;
    rejectInbox();
    rejectAdoptions();
    scheduler.endAll(error == null ? FinishReason.ABORT : FinishReason.ERROR, error);
    executor.close();
  }

  /** After the inbox: a request is put there only once its adapter's step waits here. */
  private void adoptSteps() {
    for (Adoption a = adoptions.poll(); a != null; a = adoptions.poll()) {
      try {
        executor.adopt(a.step);
        a.done.complete(null);
      } catch (Exception e) {
        a.done.completeExceptionally(e);
      }
    }
  }

  private void rejectAdoptions() {
    for (Adoption a = adoptions.poll(); a != null; a = adoptions.poll()) {
      a.done.completeExceptionally(new IllegalStateException("the engine has ended", fatal));
    }
  }

  private void drainInbox() {
    for (Request request = inbox.poll(); request != null; request = inbox.poll()) {
      if (request.status == Request.Status.NEW) {
        scheduler.add(request);
      }
      FinishReason reason = request.requestedFinish();
      if (reason != null) {
        scheduler.finish(request, reason, null);
      }
    }
  }

  /** Ends requests that came while the engine ended, on whichever thread finds them. */
  private void rejectInbox() {
    for (Request request = inbox.poll(); request != null; request = inbox.poll()) {
      if (request.status == Request.Status.NEW) {
        Throwable error = fatal;
        FinishReason reason = error == null ? FinishReason.ABORT : FinishReason.ERROR;
        scheduler.finish(request, reason, error);
      }
    }
  }
}
