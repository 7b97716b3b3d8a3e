package dev.lamina;

import dev.lamina.scheduler.Adapter;
import dev.lamina.scheduler.ForwardPass;
import dev.lamina.scheduler.InvalidRequestException;
import dev.lamina.scheduler.KvGroup;
import dev.lamina.scheduler.ScheduledBatch;
import dev.lamina.spi.BackendException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Teacher-forced logits: the logits after each token of a given sequence. One thread at a time. */
public final class Scorer implements AutoCloseable {
  private final ModelRuntime runtime;
  private final ForwardPass forward;
  private final ScheduledBatch batch;
  private final int chunk;
  private final @Nullable LoraStep lora;
  private final @Nullable Adapter adapter;

  /** Receives the logits of a chunk. */
  @FunctionalInterface
  public interface Rows {
    /**
     * Logits of consecutive tokens.
     *
     * @param first index of the first token
     * @param count how many tokens
     * @param logits F32 {@code [count, vocab]}, valid during the call
     * @throws IOException if they can't be written
     */
    void accept(int first, int count, MemorySegment logits) throws IOException;
  }

  /**
   * A scorer of the model alone.
   *
   * @param runtime stays open for as long as this
   * @param chunk tokens a step, at least 1
   * @throws LaminaException if the device refuses
   */
  public Scorer(ModelRuntime runtime, int chunk) {
    this(runtime, chunk, null);
  }

  /**
   * A scorer.
   *
   * @param runtime stays open for as long as this
   * @param chunk tokens a step, at least 1
   * @param source an adapter that runs with every token, or null
   * @throws LaminaException if the device refuses, or the adapter can't be read or does not fit
   */
  public Scorer(ModelRuntime runtime, int chunk, @Nullable AdapterSource source) {
    this.runtime = runtime;
    this.chunk = Math.min(chunk, (int) runtime.plan().slots().tokens().max());
    List<KvGroup> groups = runtime.compiled().groups();
    this.batch = new ScheduledBatch(1, this.chunk, groups);
    this.lora = source == null ? null : LoraStep.of(runtime, source);
    this.adapter = source == null ? null : new Adapter(source.name(), 0, 0);
    try {
      this.forward = new ForwardPass(runtime.compiled());
      if (lora != null) {
        forward.adopt(lora.step());
      }
    } catch (BackendException e) {
      throw new LaminaException("score: " + e.getMessage(), e);
    }
  }

  /**
   * Scores a sequence.
   *
   * @param ids at least one token of the vocabulary, at most the longest context
   * @param rows gets the logits in order
   * @throws InvalidRequestException if the ids do not fit the model
   * @throws IOException if {@code rows} throws it
   * @throws LaminaException if the device fails
   */
  public void score(int[] ids, Rows rows) throws IOException {
    check(ids);
    int[][] tables = blockTables(ids.length);
    try {
      for (int first = 0; first < ids.length; first += chunk) {
        int n = Math.min(chunk, ids.length - first);
        batch.clear();
        batch.add(ids, first, n, tables, n, adapter);
        forward.run(batch);
        rows.accept(first, n, forward.readLogits());
      }
    } catch (BackendException e) {
      throw new LaminaException("score: " + e.getMessage(), e);
    }
  }

  private void check(int[] ids) {
    int vocab = runtime.compiled().limits().vocabSize();
    int longest = runtime.compiled().limits().maxModelLen();
    if (ids.length == 0) {
      throw new InvalidRequestException("tokens", "tokens: expected at least one, got none");
    }
    if (ids.length > longest) {
      throw new InvalidRequestException(
          "tokens",
          "tokens: expected at most %d, the model's longest context, got %d"
              .formatted(longest, ids.length));
    }
    for (int i = 0; i < ids.length; i++) {
      if (ids[i] < 0 || ids[i] >= vocab) {
        throw new InvalidRequestException(
            "tokens",
            "tokens[%d]: expected an id of 0..%d, got %d".formatted(i, vocab - 1, ids[i]));
      }
    }
  }

  private int[][] blockTables(int length) {
    List<KvGroup> groups = runtime.compiled().groups();
    int[][] tables = new int[groups.size()][];
    for (int g = 0; g < tables.length; g++) {
      int blocks = groups.get(g).blocksFor(length);
      if (blocks > groups.get(g).numBlocks()) {
        throw new InvalidRequestException(
            "--num-kv-blocks",
            "score: expected %d KV blocks for %d tokens, the pool has %d; raise --num-kv-blocks"
                .formatted(blocks, length, groups.get(g).numBlocks()));
      }
      tables[g] = new int[blocks];
      for (int b = 0; b < blocks; b++) {
        tables[g][b] = b;
      }
    }
    return tables;
  }

  @Override
  public void close() {
    forward.close();
    if (lora != null) {
      lora.close();
    }
  }
}
