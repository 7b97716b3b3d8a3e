package dev.lamina.scheduler;

import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A model whose next token depends on every token of the context and its position, read back
 * through the KV pages: a wrong slot, a wrong page or a prefix that is not one changes the answer.
 */
final class FakeModel implements StepExecutor {
  static final int VOCAB = 1000;

  private final long[][] kv;
  private final boolean ahead;

  /** By turn: what the last two steps sampled. */
  private final SampledTokens[] sampled;

  private final int maxNumTokens;
  int steps;
  int maxTokensOfAStep;
  boolean closed;
  int adoptions;

  /** Thrown by each adoption. */
  @Nullable Exception adoptionFailure;

  /** Thrown by the next step, once. */
  Exception failure;

  private int executed;
  private int awaited;
  private int lastSampling;

  FakeModel(EngineConfig config, List<KvGroup> groups) {
    this(config, groups, false);
  }

  /**
   * @param ahead whether a step may be executed before the one ahead of it was awaited
   */
  FakeModel(EngineConfig config, List<KvGroup> groups, boolean ahead) {
    this.ahead = ahead;
    this.sampled =
        new SampledTokens[] {
          new SampledTokens(config.maxNumSeqs()), new SampledTokens(config.maxNumSeqs())
        };
    this.maxNumTokens = config.maxNumBatchedTokens();
    this.kv = new long[groups.size()][];
    for (int g = 0; g < kv.length; g++) {
      kv[g] = new long[groups.get(g).numBlocks() * groups.get(g).blockSize()];
    }
  }

  /** What the model says after {@code context[0, length)}. */
  static int next(int[] context, int length) {
    long sum = 0;
    for (int p = 0; p < length; p++) {
      sum += entry(context[p], p);
    }
    return tokenOf(sum);
  }

  /** What a request gets when it runs alone, until {@code maxTokens} or one of {@code stops}. */
  static int[] generate(int[] promptIds, int maxTokens, int... stops) {
    int[] context = Arrays.copyOf(promptIds, promptIds.length + maxTokens);
    for (int n = promptIds.length; n < context.length; n++) {
      context[n] = next(context, n);
      int last = context[n];
      if (Arrays.stream(stops).anyMatch(stop -> stop == last)) {
        return Arrays.copyOfRange(context, promptIds.length, n + 1);
      }
    }
    return Arrays.copyOfRange(context, promptIds.length, context.length);
  }

  static long entry(int token, int position) {
    long h = (token + 1L) * 0x9E3779B97F4A7C15L + position * 0xD1B54A32D192ED03L;
    h = (h ^ (h >>> 32)) * 0xBF58476D1CE4E5B9L;
    return h ^ (h >>> 29);
  }

  static int tokenOf(long sum) {
    return (int) Long.remainderUnsigned(sum ^ (sum >>> 31), VOCAB);
  }

  @Override
  public void execute(ScheduledBatch batch) throws Exception {
    if (failure != null) {
      Exception thrown = failure;
      failure = null;
      throw thrown;
    }
    if (executed - awaited > (ahead ? 1 : 0)) {
      throw new AssertionError(executed - awaited + " steps in flight");
    }
    steps++;
    maxTokensOfAStep = Math.max(maxTokensOfAStep, batch.numTokens());
    if (batch.numTokens() > maxNumTokens) {
      throw new AssertionError("step of " + batch.numTokens() + " tokens over the budget");
    }
    if (batch.hasSampledTokens() && executed == awaited) {
      throw new AssertionError("tokens of a step in flight, and there is none");
    }
    for (int g = 0; g < kv.length; g++) {
      for (int t = 0; t < batch.numTokens(); t++) {
        int row = batch.sampledRows()[t];
        int id = row < 0 ? batch.tokenIds()[t] : sampled[lastSampling].tokenIds[row];
        kv[g][batch.group(g).slotMapping()[t]] = entry(id, batch.positions()[t]);
      }
    }
    draw(batch, sampled[executed & 1]);
    if (batch.numLogits() > 0) {
      lastSampling = executed & 1;
    }
    executed++;
  }

  @Override
  public boolean runsAhead() {
    return ahead;
  }

  @Override
  public SampledTokens await() {
    if (executed == awaited) {
      throw new AssertionError("no step in flight");
    }
    return sampled[awaited++ & 1];
  }

  @Override
  public void abandon() {
    awaited = executed;
  }

  private void draw(ScheduledBatch batch, SampledTokens tokens) {
    int seq = 0;
    for (int row = 0; row < batch.numLogits(); row++) {
      int index = batch.logitsIndices()[row];
      while (batch.cuSeqlensQ()[seq + 1] <= index) {
        seq++;
      }
      tokens.tokenIds[row] = attend(batch, seq, 0);
      for (int g = 1; g < kv.length; g++) {
        if (attend(batch, seq, g) != tokens.tokenIds[row]) {
          throw new AssertionError("group " + g + " holds other KV than group 0");
        }
      }
    }
  }

  private int attend(ScheduledBatch batch, int seq, int g) {
    KvGroupBatch group = batch.group(g);
    int blockSize = group.group().blockSize();
    long sum = 0;
    for (int p = 0; p < batch.kvLens()[seq]; p++) {
      sum += kv[g][group.blockTable(seq)[p / blockSize] * blockSize + p % blockSize];
    }
    return tokenOf(sum);
  }

  @Override
  public void adopt(@Nullable AdaptedStep step) throws Exception {
    if (adoptionFailure != null) {
      throw adoptionFailure;
    }
    adoptions++;
  }

  @Override
  public void close() {
    closed = true;
  }
}
