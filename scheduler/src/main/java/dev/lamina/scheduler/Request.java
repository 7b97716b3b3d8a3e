package dev.lamina.scheduler;

import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * A request inside the engine. Fields belong to the engine thread; the {@link RequestHandle}
 * methods are what other threads may call.
 *
 * <p>{@code numComputedTokens} chases {@code numTokens + numOutputPlaceholders}: a step hands out
 * tokens so that the first catches up with the second, whether they are prompt, recomputed output
 * or the one new token of decode.
 */
final class Request implements RequestHandle {
  enum Status {
    NEW,
    WAITING,
    RUNNING,
    FINISHED
  }

  private static final int INITIAL_OUTPUT_CAPACITY = 1024;
  private static final int MIN_BLOCK_SIZE = 16;

  final GenerationRequest request;
  final SamplingParams sampling;
  final TokenListener listener;
  final PrefixOrigin origin;
  final BlockTable[] blockTables;

  /** Philox key of its samples. */
  final long seed;

  /** Longest {@link #numTokens}; where it is reached the request ends with LENGTH. */
  final int maxTotalTokens;

  Status status = Status.NEW;

  /** Order of arrival at the engine thread. */
  long sequence;

  /** Prompt, then output. */
  int[] tokenIds;

  /** Known tokens: prompt and sampled. */
  int numTokens;

  /** Tokens that a scheduled step will sample and whose ids are not known yet. */
  int numOutputPlaceholders;

  /** Row of the logits that its newest token is sampled from, in the step filled in last. */
  int sampledRow = -1;

  /** Tokens whose KV is in the block tables, those of scheduled steps included. */
  int numComputedTokens;

  /** Place in {@link SchedulerOutput} while a step is being put together, else -1. */
  int scheduledIndex = -1;

  /** Slot that holds its recurrent state up to {@link #numComputedTokens}; -1 for none yet. */
  int stateRead = -1;

  /** Slot that its next step writes that state to; -1 while it does not run. */
  int stateWrite = -1;

  /** Slot of the last checkpoint it left behind while it ran, -1 for none. */
  int stateCheckpoint = -1;

  long scheduledNanos;
  long firstTokenNanos;

  private final CompletableFuture<RequestOutput> future = new CompletableFuture<>();
  private final AtomicReference<@Nullable FinishReason> requestedFinish = new AtomicReference<>();
  private final AtomicBoolean endClaimed = new AtomicBoolean();
  private final Inbox inbox;
  private volatile int numCachedTokens = -1;

  Request(
      GenerationRequest request,
      TokenListener listener,
      Inbox inbox,
      int numGroups,
      int maxTotalTokens,
      int positionKind,
      long seed) {
    this.request = request;
    this.sampling = request.sampling();
    this.listener = listener;
    this.inbox = inbox;
    this.origin = new PrefixOrigin(request.cacheSalt(), request.adapter(), positionKind);
    this.seed = seed;
    this.maxTotalTokens = maxTotalTokens;
    this.numTokens = request.promptIds().length;
    this.blockTables = new BlockTable[numGroups];
    for (int g = 0; g < numGroups; g++) {
      blockTables[g] = new BlockTable();
    }
    this.tokenIds = request.promptIds();
    reserve(Math.max(numTokens, Math.min(maxTotalTokens, numTokens + INITIAL_OUTPUT_CAPACITY)));
  }

  /** Makes room for so many tokens, so that reaching them allocates nothing. */
  void reserve(int capacity) {
    tokenIds = Arrays.copyOf(tokenIds, capacity);
    for (BlockTable table : blockTables) {
      table.reserve(capacity / MIN_BLOCK_SIZE + 1);
    }
  }

  int numPromptTokens() {
    return request.promptIds().length;
  }

  int numOutputTokens() {
    return numTokens - numPromptTokens();
  }

  /** What {@link #numComputedTokens} is to catch up with. */
  int numTokensWithPlaceholders() {
    return numTokens + numOutputPlaceholders;
  }

  /** Tokens left for a step to compute; 0 where only tokens in flight could decide on more. */
  int numUncomputedTokens() {
    return Math.min(numTokensWithPlaceholders(), maxTotalTokens - 1) - numComputedTokens;
  }

  void appendToken(int tokenId) {
    if (numTokens == tokenIds.length) {
      int capacity = Math.min(maxTotalTokens, numTokens + (numTokens >> 1) + 16);
      tokenIds = Arrays.copyOf(tokenIds, Math.max(capacity, numTokens + 1));
    }
    tokenIds[numTokens++] = tokenId;
    numOutputPlaceholders--;
  }

  /** Whether the newest token ends the request, and why; null to go on. */
  @Nullable FinishReason finishReasonOfLastToken(int[] eosTokenIds) {
    int last = tokenIds[numTokens - 1];
    if (numOutputTokens() >= sampling.minTokens()) {
      if (!sampling.ignoreEos() && contains(eosTokenIds, last)) {
        return FinishReason.STOP;
      }
      if (contains(sampling.stopTokenIds(), last)) {
        return FinishReason.STOP;
      }
    }
    return numTokens >= maxTotalTokens ? FinishReason.LENGTH : null;
  }

  void admitted(int cachedTokens, long nowNanos) {
    numCachedTokens = cachedTokens;
    scheduledNanos = nowNanos;
  }

  boolean wasAdmitted() {
    return numCachedTokens >= 0;
  }

  /** What {@link #finish} asked for, or null. */
  @Nullable FinishReason requestedFinish() {
    return requestedFinish.get();
  }

  /** True for the one caller that is to end the request. */
  boolean claimEnd() {
    return endClaimed.compareAndSet(false, true);
  }

  RequestOutput output(FinishReason reason, @Nullable Throwable error, long nowNanos) {
    return new RequestOutput(
        request,
        Arrays.copyOfRange(tokenIds, numPromptTokens(), numTokens),
        reason,
        numCachedTokens(),
        new RequestTiming(request.arrivalNanos(), scheduledNanos, firstTokenNanos, nowNanos),
        error);
  }

  @Override
  public GenerationRequest request() {
    return request;
  }

  @Override
  public void finish(FinishReason reason) {
    if (requestedFinish.compareAndSet(null, reason)) {
      inbox.put(this);
    }
  }

  @Override
  public int numCachedTokens() {
    return Math.max(0, numCachedTokens);
  }

  @Override
  public boolean isFinished() {
    return future.isDone();
  }

  @Override
  public CompletableFuture<RequestOutput> future() {
    return future;
  }

  private static boolean contains(int[] ids, int id) {
    for (int other : ids) {
      if (other == id) {
        return true;
      }
    }
    return false;
  }
}
