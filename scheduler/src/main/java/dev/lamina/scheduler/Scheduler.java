package dev.lamina.scheduler;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.PriorityQueue;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.jspecify.annotations.Nullable;

/**
 * Hands each request a number of tokens for the next step, and takes back what was sampled.
 *
 * <p>There is no prefill or decode phase: a step gives running requests first, then waiting ones,
 * as many tokens as bring their computed tokens level with their known ones, within the budget.
 * Counters advance when a step is scheduled, so the next one can be scheduled before this one's ids
 * are known: as if no request ended by them. Where one did, its row of that next step is thrown
 * away. Its blocks are free at once all the same: what the device writes to them for that row comes
 * before whatever a later step puts there. A step ahead takes nothing from anybody: who finds no
 * room waits for the ids, as they may end a request.
 *
 * <p>One thread at a time may use it.
 */
final class Scheduler {
  private static final Comparator<Request> BY_ARRIVAL =
      (a, b) -> Long.compare(a.sequence, b.sequence);
  private static final Comparator<Request> BY_PRIORITY =
      (a, b) -> {
        int order = Integer.compare(a.request.priority(), b.request.priority());
        if (order == 0) {
          order = Long.compare(a.request.arrivalNanos(), b.request.arrivalNanos());
        }
        return order == 0 ? BY_ARRIVAL.compare(a, b) : order;
      };

  private final EngineConfig config;
  private final int[] eosTokenIds;
  private final int tokenBudget;
  private final Comparator<Request> order;
  private final PriorityQueue<Request> waiting;
  private final ArrayList<Request> running;
  private final BlockManager blockManager;
  private final @Nullable StateSlots states;
  private final Callbacks callbacks;
  private final Counters counters;
  private final SampledToken sampledToken;
  private long lastSequence;
  private boolean preemptedThisStep;

  /** Whether somebody found no room in a step ahead. */
  private boolean foundNoRoom;

  Scheduler(
      EngineConfig config,
      int[] eosTokenIds,
      BlockManager blockManager,
      @Nullable StateSlots states,
      Callbacks callbacks,
      Counters counters) {
    this.config = config;
    this.eosTokenIds = eosTokenIds;
    this.tokenBudget = config.maxNumBatchedTokens();
    this.blockManager = blockManager;
    this.states = states;
    this.callbacks = callbacks;
    this.counters = counters;
    this.order =
        switch (config.schedulingPolicy()) {
          case FCFS -> BY_ARRIVAL;
          case PRIORITY -> BY_PRIORITY;
        };
    this.waiting = new PriorityQueue<>(order);
    this.sampledToken = new SampledToken(config.maxNumSeqs());
    this.running = new ArrayList<>(config.maxNumSeqs());
    counters.numFreeByGroup = new AtomicIntegerArray(blockManager.numGroups());
    publish();
  }

  int numRunning() {
    return running.size();
  }

  int numWaiting() {
    return waiting.size();
  }

  boolean hasRequests() {
    return !running.isEmpty() || !waiting.isEmpty();
  }

  /** Puts a new request at its place among the waiting. */
  void add(Request request) {
    request.sequence = ++lastSequence;
    request.status = Request.Status.WAITING;
    waiting.add(request);
  }

  /**
   * Whether the next step can't be put together before the ids of the one in flight are known:
   * somebody found no room.
   */
  boolean waitsForIds() {
    return foundNoRoom;
  }

  /**
   * Decides the next step into {@code scheduled}, which may come out empty.
   *
   * @param ahead whether the ids of the step before are not known yet
   */
  void schedule(SchedulerOutput scheduled, boolean ahead) {
    scheduled.clear();
    preemptedThisStep = false;
    foundNoRoom = false;
    if (states != null) {
      states.beginStep();
    }
    scheduleRunning(scheduled, ahead);
    commitScheduled(scheduled);
    if (!preemptedThisStep && !foundNoRoom) {
      scheduleWaiting(scheduled);
    }
    advance(scheduled);
    publish();
  }

  private void publish() {
    counters.numRunning = running.size();
    counters.numFreeKvBlocks = blockManager.numFreeBlocks();
    for (int g = 0; g < blockManager.numGroups(); g++) {
      counters.numFreeByGroup.lazySet(g, blockManager.numFreeBlocks(g));
    }
  }

  private void scheduleRunning(SchedulerOutput scheduled, boolean ahead) {
    for (int i = 0; i < running.size(); i++) {
      int budget = tokenBudget - scheduled.numScheduledTokens();
      if (budget == 0) {
        return;
      }
      Request request = running.get(i);
      int n = clip(request, budget);
      if (n <= 0) {
        continue;
      }
      blockManager.releaseBehindWindows(request);
      while (request.status == Request.Status.RUNNING
          && !blockManager.allocate(request, request.numComputedTokens + n)) {
        if (ahead) {
          foundNoRoom = true;
          return;
        }
        i -= makeRoom(request, i, scheduled);
      }
      if (request.status == Request.Status.RUNNING) {
        if (states != null) {
          states.schedule(request);
        }
        scheduled.add(request, n);
      }
    }
  }

  /**
   * Frees the blocks of the request that should give way, which may be {@code request} itself, and
   * returns by how many places those from {@code index} on moved up in {@link #running}. Where
   * nobody is left to give way, the request is larger than the pool.
   */
  private int makeRoom(Request request, int index, SchedulerOutput scheduled) {
    if (!blockManager.fitsPool(request.numComputedTokens + 1) || running.size() == 1) {
      fail(request, poolExhausted(request));
      return 1;
    }
    int victimIndex = indexOfVictim();
    preempt(victimIndex, scheduled);
    return victimIndex <= index ? 1 : 0;
  }

  /** FCFS: the newest, which is the last. PRIORITY: the worst. */
  private int indexOfVictim() {
    int victim = running.size() - 1;
    if (config.schedulingPolicy() == SchedulingPolicy.PRIORITY) {
      for (int i = 0; i < running.size(); i++) {
        if (order.compare(running.get(i), running.get(victim)) > 0) {
          victim = i;
        }
      }
    }
    return victim;
  }

  /** Gives up all KV of a running request; it waits, and will compute its tokens again. */
  private void preempt(int index, SchedulerOutput scheduled) {
    Request victim = running.remove(index);
    scheduled.remove(victim);
    blockManager.free(victim);
    if (states != null) {
      states.release(victim);
    }
    victim.numComputedTokens = 0;
    victim.status = Request.Status.WAITING;
    waiting.add(victim);
    preemptedThisStep = true;
    counters.preemptions.increment();
  }

  /**
   * Admits in order and stops at the first that does not fit: nobody overtakes. Only without
   * preemption in the same step, so that what is given up is not taken by a newcomer.
   */
  private void scheduleWaiting(SchedulerOutput scheduled) {
    while (running.size() < config.maxNumSeqs()) {
      int budget = tokenBudget - scheduled.numScheduledTokens();
      Request request = waiting.peek();
      if (budget == 0 || request == null) {
        return;
      }
      int cached = findCachedPrefix(request);
      request.numComputedTokens = cached;
      int n = clip(request, budget);
      if (!admit(request, cached + n)) {
        request.numComputedTokens = 0;
        if (!running.isEmpty()) {
          return;
        }
        fail(request, poolExhausted(request));
        continue;
      }
      waiting.poll();
      running.add(request);
      request.status = Request.Status.RUNNING;
      if (!request.wasAdmitted()) {
        request.admitted(cached, System.nanoTime());
        counters.admitted(request.numPromptTokens(), cached);
      }
      scheduled.add(request, n);
      blockManager.commit(request, Math.min(cached + n, request.numTokens));
    }
  }

  /** Tokens that are known already: of the KV cache and, if the model has any, of its state. */
  private int findCachedPrefix(Request request) {
    int cached = blockManager.findCachedPrefix(request);
    if (states != null) {
      cached = states.findCheckpoint(request, cached);
      blockManager.keepCachedPrefix(request, cached);
    }
    return cached;
  }

  private boolean admit(Request request, int numTokens) {
    if (!blockManager.admit(request, numTokens)) {
      return false;
    }
    if (states != null && !states.admit(request)) {
      blockManager.free(request);
      return false;
    }
    return true;
  }

  private int clip(Request request, int budget) {
    int threshold = config.longPrefillTokenThreshold();
    int n = Math.min(request.numUncomputedTokens(), budget);
    n = threshold > 0 ? Math.min(n, threshold) : n;
    return states == null ? n : states.clip(request, n);
  }

  /**
   * Lets requests admitted in this step share the blocks that it fills: every layer stores all KV
   * of a step before it attends. Only after the last preemption of the step, as a victim's blocks
   * are not filled.
   */
  private void commitScheduled(SchedulerOutput scheduled) {
    for (int i = 0; i < scheduled.numSeqs(); i++) {
      Request request = scheduled.request(i);
      int computed = request.numComputedTokens + scheduled.numTokens(i);
      blockManager.commit(request, Math.min(computed, request.numTokens));
    }
  }

  private void advance(SchedulerOutput scheduled) {
    for (int i = 0; i < scheduled.numSeqs(); i++) {
      Request request = scheduled.request(i);
      request.numComputedTokens += scheduled.numTokens(i);
      if (scheduled.producesToken(i)) {
        request.numOutputPlaceholders++;
      }
      if (states != null) {
        states.advance(request);
      }
      request.scheduledIndex = -1;
    }
  }

  /** Appends the sampled tokens, tells the listeners, and ends requests that are done. */
  void postprocess(SchedulerOutput scheduled, SampledTokens sampled) {
    long now = System.nanoTime();
    counters.stepped(scheduled.numSeqs());
    int row = 0;
    for (int i = 0; i < scheduled.numSeqs(); i++) {
      if (!scheduled.producesToken(i)) {
        continue;
      }
      Request request = scheduled.request(i);
      if (request.status != Request.Status.FINISHED) {
        accept(request, sampled, row, now);
      }
      row++;
    }
    callbacks.onStep(scheduled.numScheduledTokens(), scheduled.numSeqs());
  }

  private void accept(Request request, SampledTokens sampled, int row, long now) {
    request.appendToken(sampled.tokenIds[row]);
    counters.generationTokens.increment();
    if (request.firstTokenNanos == 0) {
      request.firstTokenNanos = now;
    }
    sampledToken.at(sampled, row, request, request.finishReasonOfLastToken(eosTokenIds));
    Throwable error = callbacks.onToken(request, sampledToken);
    if (error != null) {
      finish(request, FinishReason.ERROR, error);
      return;
    }
    FinishReason reason = sampledToken.finishReason();
    if (reason != null) {
      finish(request, reason, null);
    }
  }

  /** Ends a request in whatever state it is; its blocks are free before anyone hears of it. */
  void finish(Request request, FinishReason reason, @Nullable Throwable error) {
    if (!request.claimEnd()) {
      return;
    }
    switch (request.status) {
      case NEW, FINISHED -> {}
      case WAITING -> waiting.remove(request);
      case RUNNING -> {
        running.remove(request);
        blockManager.free(request);
        if (states != null) {
          states.finish(request);
        }
        publish();
      }
    }
    request.status = Request.Status.FINISHED;
    callbacks.onFinished(request, request.output(reason, error, System.nanoTime()));
  }

  /** Ends everything. */
  void endAll(FinishReason reason, @Nullable Throwable error) {
    while (!running.isEmpty()) {
      finish(running.getLast(), reason, error);
    }
    for (Request request = waiting.peek(); request != null; request = waiting.peek()) {
      finish(request, reason, error);
    }
  }

  private void fail(Request request, Throwable error) {
    finish(request, FinishReason.ERROR, error);
  }

  private CapacityExceededException poolExhausted(Request request) {
    return new CapacityExceededException(
        "KV cache: request %s needs more than the %d blocks of the pool, after %d prompt and %d output tokens; raise --num-kv-blocks or lower max_tokens"
            .formatted(
                request.request.requestId(),
                blockManager.numBlocks(),
                request.numPromptTokens(),
                request.numOutputTokens()));
  }
}
