package dev.lamina.scheduler;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The slots of the pool of recurrent state: one that each running request writes, and checkpoints
 * that nobody writes any more, from which a request with the same beginning goes on.
 *
 * <p>A step reads a request's state from one slot and writes it to another, so a checkpoint costs
 * no copy: the request leaves its slot behind and writes a fresh one. Checkpoints are taken at the
 * last full block of a prompt, at the one before if the prompt ends there, since a request with the
 * same prompt has to run its last token, and, one at a time, at each full block of the output, so
 * that the last of them is the end of the turn. They live in what running requests leave free,
 * least recently used first to go.
 *
 * <p>A slot that the step being put together reads is not handed out in the same step: a step may
 * read a slot many times, or write it, but only its own writer does both.
 */
final class StateSlots {
  private final int blockSize;
  private final boolean enablePrefixCaching;
  private final Slot[] slots;

  /** Free slots, the first {@link #numFree} of them. */
  private final int[] free;

  private int numFree;
  private long step = 1;
  private long uses;

  /** What is known of one slot. */
  private static final class Slot {
    /** The tokens before the checkpoint, the first {@link #length}; length 0: no checkpoint. */
    int[] tokenIds = {};

    int length;
    long hash;
    @Nullable PrefixOrigin origin;
    long lastUse;
    long readInStep;
  }

  StateSlots(int numSlots, int blockSize, boolean enablePrefixCaching) {
    if (numSlots < 2) {
      throw new IllegalArgumentException(
          "recurrent state: expected at least 2 slots, one to read and one to write, got "
              + numSlots);
    }
    this.blockSize = blockSize;
    this.enablePrefixCaching = enablePrefixCaching;
    this.slots = new Slot[numSlots];
    this.free = new int[numSlots];
    for (int i = 0; i < numSlots; i++) {
      slots[i] = new Slot();
      free[i] = numSlots - 1 - i;
    }
    this.numFree = numSlots;
  }

  /** A new step is put together. */
  void beginStep() {
    step++;
  }

  /** Most tokens that this request may run before it has to stop for a checkpoint. */
  int clip(Request request, int n) {
    int computed = request.numComputedTokens;
    int same = samePromptBoundary(request);
    int stop = computed < same ? same : promptBoundary(request);
    return enablePrefixCaching && computed < stop && stop < computed + n ? stop - computed : n;
  }

  private int promptBoundary(Request request) {
    return request.numPromptTokens() / blockSize * blockSize;
  }

  /** The last full block that a request with the same prompt can resume from. */
  private int samePromptBoundary(Request request) {
    return (request.numPromptTokens() - 1) / blockSize * blockSize;
  }

  /** Tokens of the longest checkpoint that begins the request, at most {@code maxTokens}. */
  int findCheckpoint(Request request, int maxTokens) {
    int found = enablePrefixCaching ? longest(request, maxTokens) : -1;
    request.stateRead = found;
    return found < 0 ? 0 : slots[found].length;
  }

  private int longest(Request request, int maxTokens) {
    int found = -1;
    long hash = PrefixCache.ROOT;
    int hashed = 0;
    // Ascending lengths, so that each block is hashed once.
    for (int length = blockSize; length <= maxTokens; length += blockSize) {
      hash = PrefixCache.mix(hash, request.origin, request.tokenIds, hashed, length);
      hashed = length;
      for (int i = 0; i < slots.length; i++) {
        Slot slot = slots[i];
        if (slot.length == length && slot.hash == hash && holds(slot, request)) {
          found = i;
        }
      }
    }
    return found;
  }

  private static boolean holds(Slot slot, Request request) {
    return request.origin.equals(slot.origin)
        && Arrays.equals(slot.tokenIds, 0, slot.length, request.tokenIds, 0, slot.length);
  }

  /** Gives the request a slot to write, beside the checkpoint that was found; false if none is. */
  boolean admit(Request request) {
    if (request.stateRead >= 0) {
      read(request.stateRead);
    }
    request.stateWrite = take();
    if (request.stateWrite < 0) {
      request.stateRead = -1;
      return false;
    }
    return true;
  }

  /** A running request is about to be scheduled: its slot becomes a checkpoint if that is due. */
  void schedule(Request request) {
    int slot = request.stateRead;
    if (isDue(request) && slot == request.stateWrite) {
      read(slot);
      int fresh = take();
      if (fresh >= 0) {
        keep(request, slot);
        request.stateWrite = fresh;
      }
    }
  }

  /** After a step was put together: the next one reads what this one writes. */
  void advance(Request request) {
    request.stateRead = request.stateWrite;
  }

  /** The request is over: its slot becomes a checkpoint if that is due, else free. */
  void finish(Request request) {
    if (request.stateWrite >= 0 && request.stateRead == request.stateWrite && isDue(request)) {
      keep(request, request.stateWrite);
      request.stateWrite = -1;
    }
    release(request);
  }

  /** Lets go of the request's slot. */
  void release(Request request) {
    if (request.stateWrite >= 0) {
      free[numFree++] = request.stateWrite;
    }
    request.stateRead = -1;
    request.stateWrite = -1;
    request.stateCheckpoint = -1;
  }

  /** Forgets all checkpoints; after a failed step their content is unknown. */
  void resetCheckpoints() {
    for (int i = 0; i < slots.length; i++) {
      if (slots[i].length > 0) {
        forget(i);
        free[numFree++] = i;
      }
    }
  }

  int numFree() {
    return numFree;
  }

  int numCheckpoints() {
    int n = 0;
    for (Slot slot : slots) {
      n += slot.length > 0 ? 1 : 0;
    }
    return n;
  }

  /** Whether the tokens computed so far end where a checkpoint belongs. */
  private boolean isDue(Request request) {
    int computed = request.numComputedTokens;
    return enablePrefixCaching
        && computed > 0
        && computed % blockSize == 0
        && computed <= request.numTokens
        && computed >= samePromptBoundary(request);
  }

  /** Makes the request's slot a checkpoint, in place of its last one within the output. */
  private void keep(Request request, int index) {
    int last = request.stateCheckpoint;
    boolean superseded =
        last >= 0
            && slots[last].length > promptBoundary(request)
            && slots[last].readInStep != step
            && holds(slots[last], request);
    if (superseded) {
      forget(last);
      free[numFree++] = last;
    }
    Slot slot = slots[index];
    int length = request.numComputedTokens;
    if (slot.tokenIds.length < length) {
      slot.tokenIds = new int[Math.max(length, request.tokenIds.length)];
    }
    System.arraycopy(request.tokenIds, 0, slot.tokenIds, 0, length);
    slot.length = length;
    slot.origin = request.origin;
    slot.hash = hash(request, length);
    slot.lastUse = ++uses;
    request.stateCheckpoint = index;
  }

  private long hash(Request request, int length) {
    long hash = PrefixCache.ROOT;
    for (int from = 0; from < length; from += blockSize) {
      hash = PrefixCache.mix(hash, request.origin, request.tokenIds, from, from + blockSize);
    }
    return hash;
  }

  private void read(int index) {
    slots[index].readInStep = step;
    slots[index].lastUse = ++uses;
  }

  /** A free slot, else that of the checkpoint unused longest, else -1. */
  private int take() {
    if (numFree > 0) {
      return free[--numFree];
    }
    int oldest = -1;
    for (int i = 0; i < slots.length; i++) {
      Slot slot = slots[i];
      if (slot.length > 0
          && slot.readInStep != step
          && (oldest < 0 || slot.lastUse < slots[oldest].lastUse)) {
        oldest = i;
      }
    }
    if (oldest >= 0) {
      forget(oldest);
    }
    return oldest;
  }

  private void forget(int index) {
    slots[index].length = 0;
    slots[index].origin = null;
  }

  /** Checks what must hold between steps, for so many running requests; for tests. */
  @Nullable String brokenInvariant(int numRunning) {
    boolean[] seen = new boolean[slots.length];
    for (int i = 0; i < numFree; i++) {
      if (seen[free[i]] || slots[free[i]].length > 0) {
        return "state slot " + free[i] + " is free twice, or a checkpoint";
      }
      seen[free[i]] = true;
    }
    int sum = numFree + numCheckpoints() + numRunning;
    return sum == slots.length
        ? null
        : numFree
            + " free + "
            + numCheckpoints()
            + " checkpoints + "
            + numRunning
            + " running of "
            + slots.length
            + " state slots";
  }
}
