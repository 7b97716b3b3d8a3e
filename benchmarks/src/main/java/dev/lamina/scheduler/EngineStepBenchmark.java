package dev.lamina.scheduler;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * A whole {@code Engine.step()} over an executor that answers at once; run with {@code -prof gc},
 * it must allocate nothing.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 15)
@Measurement(iterations = DecodeLoad.CALLS - 15)
@OperationsPerInvocation(DecodeLoad.STEPS)
@Fork(value = 1, jvmArgs = "-Xmx2g")
public class EngineStepBenchmark {
  /** Requests running at once. */
  @Param({"32", "256"})
  public int numSeqs;

  private Engine engine;

  /** Brings every request into decode. */
  @Setup(Level.Trial)
  public void prefill() throws Exception {
    DecodeLoad load = new DecodeLoad(numSeqs);
    engine =
        new Engine(
            load.config,
            load.limits,
            load.groups,
            0,
            new DecodeLoad.Instant(numSeqs),
            EngineObserver.NONE);
    for (int i = 0; i < numSeqs; i++) {
      load.reserve(engine.addRequest(load.request(i), TokenListener.NONE));
    }
    do {
      engine.step();
    } while (engine.stats().numRunning() < numSeqs);
  }

  /** Steps of one token a request. */
  @Benchmark
  public boolean step() throws Exception {
    boolean ran = true;
    for (int step = 0; step < DecodeLoad.STEPS; step++) {
      ran &= engine.step();
    }
    return ran;
  }
}
