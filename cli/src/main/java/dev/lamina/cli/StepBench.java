package dev.lamina.cli;

import dev.lamina.LaminaException;
import dev.lamina.ModelRuntime;
import dev.lamina.scheduler.ForwardPass;
import dev.lamina.scheduler.KvGroup;
import dev.lamina.scheduler.ScheduledBatch;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.DeviceInfo.Peak;
import dev.lamina.spi.RunMeter.RunTimes;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Random;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;

/** Prefill and decode without the engine, from an empty context, as llama-bench does. */
final class StepBench {
  private static final long SETTLED_NANOS = 3_000_000_000L;
  private static final long LONGEST_WARM_UP_NANOS = 20_000_000_000L;

  private final ModelRuntime runtime;
  private final StepCost cost;
  private final Supplier<Peak> peak;
  private final int repetitions;
  private final boolean warms;
  private final int maxTokens;
  private final Random random = new Random(1);

  StepBench(ModelRuntime runtime, Supplier<Peak> peak, int repetitions, boolean warms) {
    this.runtime = runtime;
    this.cost = new StepCost(runtime.plan());
    this.peak = peak;
    this.repetitions = repetitions;
    this.warms = warms;
    this.maxTokens = (int) runtime.plan().slots().tokens().max();
  }

  BenchRow prefill(int prompt, int parallel) {
    int steps = (prompt * parallel + maxTokens - 1) / maxTokens;
    double flops = cost.prefillFlops(prompt) * parallel;
    double bytes = cost.prefillBytes(prompt, steps, parallel);
    return row(prompt, 0, parallel, measure(prompt, parallel, this::runPrefill), flops, bytes);
  }

  BenchRow decode(int generated, int parallel) {
    double flops = cost.decodeFlops(generated) * parallel;
    double bytes = cost.decodeBytes(generated, parallel);
    return row(0, generated, parallel, measure(generated, parallel, this::runDecode), flops, bytes);
  }

  private static BenchRow row(
      int prompt, int generated, int parallel, List<Timed> runs, double flops, double bytes) {
    double tokens = (double) (prompt + generated) * parallel;
    return new BenchRow(
        prompt,
        generated,
        parallel,
        0,
        runs.stream().mapToDouble(t -> tokens / t.seconds).toArray(),
        median(runs, t -> fraction(bytes / t.seconds, t.peak.readBytesPerSecond())),
        median(runs, t -> fraction(flops / t.seconds, t.peak.flopsPerSecond())),
        OptionalDouble.empty(),
        BenchRow.idleFraction(runs.stream().flatMap(t -> t.times.stream()).toList()));
  }

  private static double median(List<Timed> runs, ToDoubleFunction<Timed> of) {
    return BenchRow.median(runs.stream().mapToDouble(of).toArray());
  }

  private static double fraction(double rate, double peak) {
    return peak == 0 ? 0 : rate / peak;
  }

  static Peak larger(Peak a, Peak b) {
    return new Peak(
        Math.max(a.readBytesPerSecond(), b.readBytesPerSecond()),
        Math.max(a.flopsPerSecond(), b.flopsPerSecond()));
  }

  /**
   * One repetition.
   *
   * @param seconds that it took
   * @param times by the device's clock, if it has one
   * @param peak the larger of what was measured just before it and just after it: what a shared
   *     machine can do changes within seconds
   */
  private record Timed(double seconds, Optional<RunTimes> times, Peak peak) {}

  /** What is timed. */
  private interface Run {
    void run(ForwardPass forward, ScheduledBatch batch, int[][] ids) throws BackendException;
  }

  private List<Timed> measure(int length, int parallel, Run run) {
    int[][] ids = new int[parallel][];
    for (int s = 0; s < parallel; s++) {
      ids[s] = random.ints(length, 0, runtime.compiled().limits().vocabSize()).toArray();
    }
    List<Timed> runs = new ArrayList<>();
    List<KvGroup> groups = runtime.compiled().groups();
    ScheduledBatch batch = new ScheduledBatch(parallel, Math.max(maxTokens, parallel), groups);
    try (ForwardPass forward = new ForwardPass(runtime.compiled())) {
      if (warms) {
        warmUp(forward, batch, ids, run);
      }
      Peak before = peak.get();
      for (int r = 0; r < repetitions; r++) {
        runtime.startTiming();
        long start = System.nanoTime();
        run.run(forward, batch, ids);
        double seconds = (System.nanoTime() - start) / 1e9;
        Optional<RunTimes> times = runtime.stopTiming();
        Peak after = peak.get();
        runs.add(new Timed(seconds, times, larger(before, after)));
        before = after;
      }
    } catch (BackendException e) {
      throw new LaminaException("bench: " + e.getMessage(), e);
    }
    return runs;
  }

  /** Runs until it has not become faster for a while, so that what is timed is compiled code. */
  private static void warmUp(ForwardPass forward, ScheduledBatch batch, int[][] ids, Run run)
      throws BackendException {
    long start = System.nanoTime();
    long best = Long.MAX_VALUE;
    long improved = start;
    long now = start;
    while (now - improved < SETTLED_NANOS && now - start < LONGEST_WARM_UP_NANOS) {
      long before = now;
      run.run(forward, batch, ids);
      now = System.nanoTime();
      if (now - before < best * 0.97) {
        best = now - before;
        improved = now;
      }
    }
  }

  private void runPrefill(ForwardPass forward, ScheduledBatch batch, int[][] ids)
      throws BackendException {
    int length = ids[0].length;
    batch.clear();
    for (int s = 0; s < ids.length; s++) {
      for (int first = 0; first < length; ) {
        int n = Math.min(length - first, maxTokens - batch.numTokens());
        boolean last = first + n == length;
        batch.add(ids[s], first, n, tables(s, length), last ? 1 : 0);
        first += n;
        if (batch.numTokens() == maxTokens) {
          forward.run(batch);
          forward.await();
          batch.clear();
        }
      }
    }
    if (batch.numTokens() > 0) {
      forward.run(batch);
      forward.await();
    }
  }

  private void runDecode(ForwardPass forward, ScheduledBatch batch, int[][] ids)
      throws BackendException {
    int length = ids[0].length;
    for (int i = 0; i < length; i++) {
      batch.clear();
      for (int s = 0; s < ids.length; s++) {
        batch.add(ids[s], i, 1, tables(s, length), 1);
      }
      forward.run(batch);
      forward.await();
    }
  }

  /** Blocks of sequence s in every group, side by side. */
  private int[][] tables(int s, int length) {
    List<KvGroup> groups = runtime.compiled().groups();
    int[][] tables = new int[groups.size()][];
    for (int g = 0; g < tables.length; g++) {
      int blocks = groups.get(g).blocksFor(length);
      tables[g] = new int[blocks];
      for (int b = 0; b < blocks; b++) {
        tables[g][b] = s * blocks + b;
      }
    }
    return tables;
  }
}
