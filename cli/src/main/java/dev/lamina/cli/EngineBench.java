package dev.lamina.cli;

import dev.lamina.LaminaOptions;
import dev.lamina.ModelRuntime;
import dev.lamina.scheduler.Engine;
import dev.lamina.scheduler.GenerationRequest;
import dev.lamina.scheduler.SamplingParams;
import dev.lamina.scheduler.TokenListener;
import dev.lamina.spi.DeviceInfo.Peak;
import dev.lamina.spi.RunMeter.RunTimes;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.function.ToDoubleFunction;

/** The whole engine without HTTP: requests of one length in and out. */
final class EngineBench {
  private final ModelRuntime runtime;
  private final LaminaOptions options;
  private final int in;
  private final int out;
  private final float temperature;

  EngineBench(ModelRuntime runtime, LaminaOptions options, int in, int out, float temperature) {
    this.runtime = runtime;
    this.options = options;
    this.in = in;
    this.out = out;
    this.temperature = temperature;
  }

  /** Output tokens a second of each repetition; {@code concurrency} 0 = all at once. */
  BenchRow run(int requests, int concurrency, int repetitions) {
    List<Timed> runs = new ArrayList<>();
    List<RunTimes> times = new ArrayList<>();
    try (Engine engine = runtime.startEngine(options)) {
      drive(engine, Math.min(requests, 8), concurrency, -1);
      Peak before = runtime.measurePeak();
      for (int r = 0; r < repetitions; r++) {
        runtime.startTiming();
        long start = System.nanoTime();
        drive(engine, requests, concurrency, r);
        double seconds = (System.nanoTime() - start) / 1e9;
        runtime.stopTiming().ifPresent(times::add);
        Peak after = runtime.measurePeak();
        runs.add(new Timed(seconds, StepBench.larger(before, after)));
        before = after;
      }
    }
    return row(requests, concurrency == 0 ? requests : concurrency, runs, times);
  }

  /** One repetition: how long it took, and what the device reached just before or after it. */
  private record Timed(double seconds, Peak peak) {
    boolean isMeasured() {
      return peak.readBytesPerSecond() > 0 && peak.flopsPerSecond() > 0;
    }
  }

  private BenchRow row(int requests, int parallel, List<Timed> runs, List<RunTimes> times) {
    int atOnce = Math.min(Math.min(requests, parallel), options.engine().maxNumSeqs());
    double waves = (double) requests / atOnce;
    int maxTokens = (int) runtime.plan().slots().tokens().max();
    StepCost cost = new StepCost(runtime.plan());
    double bytes = waves * cost.mixBytes(in, out, atOnce, maxTokens);
    double flops = waves * cost.mixFlops(in, out, atOnce);
    boolean isMeasured = runs.stream().allMatch(Timed::isMeasured);
    return new BenchRow(
        in,
        out,
        parallel,
        requests,
        runs.stream().mapToDouble(t -> (double) requests * out / t.seconds).toArray(),
        isMeasured ? median(runs, t -> bytes / t.seconds / t.peak.readBytesPerSecond()) : 0,
        isMeasured ? median(runs, t -> flops / t.seconds / t.peak.flopsPerSecond()) : 0,
        isMeasured
            ? OptionalDouble.of(
                median(
                    runs,
                    t -> waves * cost.mixSeconds(in, out, atOnce, maxTokens, t.peak) / t.seconds))
            : OptionalDouble.empty(),
        BenchRow.idleFraction(times));
  }

  private static double median(List<Timed> runs, ToDoubleFunction<Timed> of) {
    return BenchRow.median(runs.stream().mapToDouble(of).toArray());
  }

  private void drive(Engine engine, int requests, int concurrency, int seed) {
    Random random = new Random(seed);
    Semaphore slots = new Semaphore(concurrency == 0 ? requests : concurrency);
    CompletableFuture<?>[] ends = new CompletableFuture<?>[requests];
    int vocab = runtime.compiled().limits().vocabSize();
    for (int i = 0; i < requests; i++) {
      SamplingParams sampling =
          SamplingParams.builder()
              .temperature(temperature)
              .maxTokens(out)
              .ignoreEos(true)
              .seed((long) i)
              .build();
      int[] ids = random.ints(in, 0, vocab).toArray();
      slots.acquireUninterruptibly();
      ends[i] =
          engine
              .addRequest(GenerationRequest.of("bench-" + i, ids, sampling), TokenListener.NONE)
              .future()
              .whenComplete((o, e) -> slots.release());
    }
    CompletableFuture.allOf(ends).join();
  }
}
