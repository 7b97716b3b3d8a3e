package dev.lamina.cli;

import dev.lamina.LaminaOptions;
import dev.lamina.ModelRuntime;
import dev.lamina.scheduler.Engine;
import dev.lamina.scheduler.GenerationRequest;
import dev.lamina.scheduler.SamplingParams;
import dev.lamina.scheduler.TokenListener;
import dev.lamina.spi.RunMeter.RunTimes;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;

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
    double[] rates = new double[repetitions];
    List<RunTimes> times = new ArrayList<>();
    try (Engine engine = runtime.startEngine(options)) {
      drive(engine, Math.min(requests, 8), concurrency, -1);
      for (int r = 0; r < repetitions; r++) {
        runtime.startTiming();
        long start = System.nanoTime();
        drive(engine, requests, concurrency, r);
        rates[r] = (double) requests * out / ((System.nanoTime() - start) / 1e9);
        runtime.stopTiming().ifPresent(times::add);
      }
    }
    int parallel = concurrency == 0 ? requests : concurrency;
    return new BenchRow(in, out, parallel, requests, rates, 0, 0, BenchRow.idleFraction(times));
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
