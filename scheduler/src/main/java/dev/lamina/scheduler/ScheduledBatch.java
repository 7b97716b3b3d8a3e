package dev.lamina.scheduler;

import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The one ragged form of a step's input, whether prefill, decode or mixed: the tokens of all
 * sequences one after another, with {@code cuSeqlensQ} telling where each begins.
 *
 * <p>Reused from step to step; arrays are longer than what is in use. Unpadded: {@link ForwardPass}
 * pads to what the executable wants.
 */
public final class ScheduledBatch {
  private final int[] tokenIds;
  private final int[] sampledRows;
  private final int[] positions;
  private final int[] adapterIds;
  private final int[] contextLimits;
  private final int[] cuSeqlensQ;
  private final int[] kvLens;
  private final int[] logitsIndices;
  private final int[] stateReads;
  private final int[] stateWrites;
  private final KvGroupBatch[] groups;
  private final @Nullable Request[] sampledRequests;
  private int numSeqs;
  private int numTokens;
  private int numLogits;
  private boolean hasAdapters;
  private boolean hasSampledTokens;

  /**
   * @param maxNumSeqs most sequences of a step
   * @param maxNumTokens most tokens of a step
   * @param groups the KV groups, in the model's order
   */
  public ScheduledBatch(int maxNumSeqs, int maxNumTokens, List<KvGroup> groups) {
    this.tokenIds = new int[maxNumTokens];
    this.sampledRows = new int[maxNumTokens];
    this.positions = new int[maxNumTokens];
    this.adapterIds = new int[maxNumTokens];
    this.contextLimits = new int[maxNumTokens];
    this.cuSeqlensQ = new int[maxNumSeqs + 1];
    this.kvLens = new int[maxNumSeqs];
    this.logitsIndices = new int[maxNumTokens];
    this.stateReads = new int[maxNumSeqs];
    this.stateWrites = new int[maxNumSeqs];
    this.sampledRequests = new Request[maxNumSeqs];
    this.groups = new KvGroupBatch[groups.size()];
    for (int g = 0; g < this.groups.length; g++) {
      this.groups[g] = new KvGroupBatch(groups.get(g), maxNumSeqs, maxNumTokens);
    }
  }

  /** Sequences in the step. */
  public int numSeqs() {
    return numSeqs;
  }

  /** Tokens in the step. */
  public int numTokens() {
    return numTokens;
  }

  /** Tokens whose logits are wanted. */
  public int numLogits() {
    return numLogits;
  }

  /** Token ids, 0 where {@link #sampledRows} has a row: [numTokens]. */
  public int[] tokenIds() {
    return tokenIds;
  }

  /**
   * For tokens that the step before this one samples, and whose ids the host does not know yet: the
   * row of the logits they are sampled from, else -1: [numTokens].
   */
  public int[] sampledRows() {
    return sampledRows;
  }

  /** Whether any token is one that the step before this one samples. */
  public boolean hasSampledTokens() {
    return hasSampledTokens;
  }

  /** Position of each token in its context, from 0: [numTokens]. */
  public int[] positions() {
    return positions;
  }

  /** Slot of each token's adapter, -1 for none: [numTokens]. */
  public int[] adapterIds() {
    return adapterIds;
  }

  /** The longest that each token's context may become: [numTokens]. */
  public int[] contextLimits() {
    return contextLimits;
  }

  /** Whether any token has an adapter. */
  public boolean hasAdapters() {
    return hasAdapters;
  }

  /** Where each sequence's tokens begin, and where the last ends: [numSeqs + 1]. */
  public int[] cuSeqlensQ() {
    return cuSeqlensQ;
  }

  /** Tokens of each context up to the end of this step: [numSeqs]. */
  public int[] kvLens() {
    return kvLens;
  }

  /** Which tokens' logits are wanted, ascending: [numLogits]. */
  public int[] logitsIndices() {
    return logitsIndices;
  }

  /** Slot of each sequence's recurrent state before the step, -1 at its start: [numSeqs]. */
  public int[] stateReads() {
    return stateReads;
  }

  /** Slot of each sequence's recurrent state after the step: [numSeqs]. */
  public int[] stateWrites() {
    return stateWrites;
  }

  /** KV groups of the model. */
  public int numGroups() {
    return groups.length;
  }

  /** The KV pages of group {@code g}. */
  public KvGroupBatch group(int g) {
    return groups[g];
  }

  /** Empties the batch. */
  public void clear() {
    Arrays.fill(sampledRequests, 0, Math.min(numLogits, sampledRequests.length), null);
    numSeqs = 0;
    numTokens = 0;
    numLogits = 0;
    hasAdapters = false;
    hasSampledTokens = false;
  }

  /**
   * Appends {@code n} tokens of a sequence without an adapter.
   *
   * @param ids the whole context, of which {@code [first, first + n)} run
   * @param first position of the first token
   * @param n how many tokens
   * @param blockTables the KV blocks of the context, per group: each holds at least {@code first +
   *     n} tokens; not copied
   * @param numLogits for how many of the last tokens logits are wanted, 0 to n
   */
  public void add(int[] ids, int first, int n, int[][] blockTables, int numLogits) {
    add(ids, first, n, blockTables, numLogits, null);
  }

  /**
   * Appends {@code n} tokens of a sequence; its recurrent state lies in the slot of its place in
   * the batch, so it must have the same place in each step.
   *
   * @param ids the whole context, of which {@code [first, first + n)} run
   * @param first position of the first token
   * @param n how many tokens
   * @param blockTables the KV blocks of the context, per group: each holds at least {@code first +
   *     n} tokens; not copied
   * @param numLogits for how many of the last tokens logits are wanted, 0 to n
   * @param adapter runs with them, or null
   */
  public void add(
      int[] ids, int first, int n, int[][] blockTables, int numLogits, @Nullable Adapter adapter) {
    for (int g = 0; g < groups.length; g++) {
      groups[g].add(numSeqs, numTokens, blockTables[g], first, n);
    }
    stateReads[numSeqs] = first == 0 ? -1 : numSeqs;
    stateWrites[numSeqs] = numSeqs;
    System.arraycopy(ids, first, tokenIds, numTokens, n);
    Arrays.fill(sampledRows, numTokens, numTokens + n, -1);
    append(ids.length, first, n, numLogits, adapter);
  }

  /**
   * Takes over what the scheduler decided. The newest token of a request may still be one that the
   * step filled in before this one samples.
   */
  ScheduledBatch fill(SchedulerOutput scheduled) {
    clear();
    for (int i = 0; i < scheduled.numSeqs(); i++) {
      Request request = scheduled.request(i);
      int first = scheduled.firstPosition(i);
      int n = scheduled.numTokens(i);
      for (int g = 0; g < groups.length; g++) {
        groups[g].add(numSeqs, numTokens, request.blockTables[g].blockIds, first, n);
      }
      stateReads[numSeqs] = scheduled.stateRead(i);
      stateWrites[numSeqs] = scheduled.stateWrite(i);
      putTokens(request, first, n);
      if (scheduled.producesToken(i)) {
        sampledRequests[numLogits] = request;
        request.sampledRow = numLogits;
      }
      int wanted = scheduled.producesToken(i) ? 1 : 0;
      Adapter adapter = request.request.adapter();
      append(request.maxTotalTokens, first, n, wanted, adapter);
    }
    return this;
  }

  private void putTokens(Request request, int first, int n) {
    int known = Math.min(n, request.numTokens - first);
    System.arraycopy(request.tokenIds, first, tokenIds, numTokens, known);
    Arrays.fill(sampledRows, numTokens, numTokens + known, -1);
    if (known < n) {
      if (n - known > 1 || request.numOutputPlaceholders == 0) {
        throw new AssertionError(
            "request %s: expected at most its newest token to be in flight, got %d of %d tokens"
                .formatted(request.request.requestId(), n - known, n));
      }
      tokenIds[numTokens + known] = 0;
      sampledRows[numTokens + known] = request.sampledRow;
      hasSampledTokens = true;
    }
  }

  /** The request whose token is sampled from row {@code row} of the logits. */
  Request sampledRequest(int row) {
    Request request = sampledRequests[row];
    if (request == null) {
      throw new AssertionError("no request samples from row " + row + " of " + numLogits);
    }
    return request;
  }

  /** Position in its context of the token that is sampled from row {@code row} of the logits. */
  int sampledPosition(int row) {
    return positions[logitsIndices[row]] + 1;
  }

  /** Output tokens that the request of row {@code row} has before the one sampled from it. */
  int numOutputTokens(int row) {
    return sampledPosition(row) - sampledRequest(row).numPromptTokens();
  }

  private void append(int longest, int first, int n, int wanted, @Nullable Adapter adapter) {
    Arrays.fill(adapterIds, numTokens, numTokens + n, adapter == null ? -1 : adapter.slot());
    hasAdapters |= adapter != null;
    Arrays.fill(contextLimits, numTokens, numTokens + n, longest);
    for (int t = 0; t < n; t++) {
      positions[numTokens + t] = first + t;
    }
    numTokens += n;
    for (int t = numTokens - wanted; t < numTokens; t++) {
      logitsIndices[numLogits++] = t;
    }
    kvLens[numSeqs] = first + n;
    cuSeqlensQ[++numSeqs] = numTokens;
  }
}
