package dev.lamina.scheduler;

import org.jspecify.annotations.Nullable;

/**
 * What one step runs: each request with its number of tokens. Reused from step to step; two of them
 * let the next step be scheduled while one runs.
 */
public final class SchedulerOutput {
  private final @Nullable Request[] requests;
  private final int[] firstPosition;
  private final int[] numTokens;
  private final boolean[] producesToken;
  private final int[] stateReads;
  private final int[] stateWrites;
  private int numSeqs;
  private int numScheduledTokens;

  /**
   * @param maxNumSeqs most requests of a step
   */
  public SchedulerOutput(int maxNumSeqs) {
    requests = new Request[maxNumSeqs];
    firstPosition = new int[maxNumSeqs];
    numTokens = new int[maxNumSeqs];
    producesToken = new boolean[maxNumSeqs];
    stateReads = new int[maxNumSeqs];
    stateWrites = new int[maxNumSeqs];
  }

  /** Requests in the step. */
  public int numSeqs() {
    return numSeqs;
  }

  /** Tokens in the step, all requests together. */
  public int numScheduledTokens() {
    return numScheduledTokens;
  }

  /** Tokens of the i-th request. */
  public int numTokens(int i) {
    return numTokens[i];
  }

  /** Position in its context of the i-th request's first token. */
  public int firstPosition(int i) {
    return firstPosition[i];
  }

  /** Whether the i-th request's last token here is its newest, so that the step samples one. */
  public boolean producesToken(int i) {
    return producesToken[i];
  }

  /** Slot of the i-th request's recurrent state before the step, -1 for none. */
  int stateRead(int i) {
    return stateReads[i];
  }

  /** Slot of the i-th request's recurrent state after the step, -1 for none. */
  int stateWrite(int i) {
    return stateWrites[i];
  }

  Request request(int i) {
    Request request = requests[i];
    if (request == null) {
      throw new AssertionError("no request " + i + " of " + numSeqs);
    }
    return request;
  }

  void clear() {
    for (int i = 0; i < numSeqs; i++) {
      requests[i] = null;
    }
    numSeqs = 0;
    numScheduledTokens = 0;
  }

  void add(Request request, int tokens) {
    request.scheduledIndex = numSeqs;
    requests[numSeqs] = request;
    firstPosition[numSeqs] = request.numComputedTokens;
    numTokens[numSeqs] = tokens;
    stateReads[numSeqs] = request.stateRead;
    stateWrites[numSeqs] = request.stateWrite;
    producesToken[numSeqs] =
        request.numComputedTokens + tokens == request.numTokensWithPlaceholders();
    numSeqs++;
    numScheduledTokens += tokens;
  }

  /** Takes a request out again and returns the tokens it had; 0 if it was not in. */
  int remove(Request request) {
    int at = request.scheduledIndex;
    if (at < 0) {
      return 0;
    }
    int tokens = numTokens[at];
    int moved = numSeqs - at - 1;
    System.arraycopy(requests, at + 1, requests, at, moved);
    System.arraycopy(firstPosition, at + 1, firstPosition, at, moved);
    System.arraycopy(numTokens, at + 1, numTokens, at, moved);
    System.arraycopy(producesToken, at + 1, producesToken, at, moved);
    System.arraycopy(stateReads, at + 1, stateReads, at, moved);
    System.arraycopy(stateWrites, at + 1, stateWrites, at, moved);
    requests[--numSeqs] = null;
    numScheduledTokens -= tokens;
    request.scheduledIndex = -1;
    for (int i = at; i < numSeqs; i++) {
      request(i).scheduledIndex = i;
    }
    return tokens;
  }
}
