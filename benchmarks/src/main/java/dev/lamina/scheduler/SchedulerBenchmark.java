package dev.lamina.scheduler;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
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
 * {@code schedule()} with so many requests in decode. An iteration is a fixed number of steps from
 * a fresh start, as contexts grow; the goal is at most 1 µs a running request.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 15)
@Measurement(iterations = DecodeLoad.CALLS - 15)
@OperationsPerInvocation(DecodeLoad.STEPS)
@Fork(value = 1, jvmArgs = "-Xmx2g")
public class SchedulerBenchmark {
  /** Requests running at once. */
  @Param({"32", "256"})
  public int numSeqs;

  private Scheduler scheduler;
  private SchedulerOutput scheduled;
  private SampledTokens sampled;

  /** Brings every request into decode. */
  @Setup(Level.Trial)
  public void prefill() {
    DecodeLoad load = new DecodeLoad(numSeqs);
    Admission admission = new Admission(load.config, load.limits, load.groups, new Inbox());
    scheduler =
        new Scheduler(
            load.config,
            load.limits.eosTokenIds(),
            new BlockManager(load.groups, 16, true),
            null,
            new Callbacks(EngineObserver.NONE, new AtomicInteger()),
            new Counters());
    for (int i = 0; i < numSeqs; i++) {
      Request request = admission.admit(load.request(i), TokenListener.NONE);
      load.reserve(request);
      scheduler.add(request);
    }
    scheduled = new SchedulerOutput(numSeqs);
    sampled = new DecodeLoad.Instant(numSeqs).await();
    while (scheduler.numWaiting() > 0) {
      scheduler.schedule(scheduled, false);
      scheduler.postprocess(scheduled, sampled);
    }
  }

  /**
   * {@code schedule()}; the ids it waits for are filled in as {@code postprocess} would, but
   * without listeners.
   */
  @Benchmark
  public int schedule() {
    for (int step = 0; step < DecodeLoad.STEPS; step++) {
      scheduler.schedule(scheduled, false);
      for (int i = 0; i < scheduled.numSeqs(); i++) {
        scheduled.request(i).appendToken(5);
      }
    }
    return scheduled.numSeqs();
  }
}
