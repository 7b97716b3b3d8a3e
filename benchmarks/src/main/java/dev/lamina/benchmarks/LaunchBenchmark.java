package dev.lamina.benchmarks;

import dev.lamina.backend.cuda.driver.CudaException;
import dev.lamina.backend.cuda.driver.DeviceFacts;
import dev.lamina.backend.cuda.driver.Driver;
import dev.lamina.backend.cuda.driver.KernelModules;
import dev.lamina.backend.cuda.driver.LaunchConfig;
import dev.lamina.backend.cuda.driver.Probe;
import java.lang.foreign.Arena;
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
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What a launch costs the host through each binding of the CUDA driver: of a kernel that does
 * nothing, and of a graph of such. The device's work is waited for outside of what is timed. Needs
 * an NVIDIA GPU.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 1, jvmArgs = "--enable-native-access=ALL-UNNAMED")
public class LaunchBenchmark {
  /** Far fewer than a stream takes before a launch waits for the device. */
  private static final int LAUNCHES = 64;

  private static final long PARAMS_BYTES = 24;

  /** Of {@code lamina.cuda.binding}; JCuda has no programmatic dependent launch. */
  @Param({"ffm", "jcuda"})
  public String binding;

  private final Arena arena = Arena.ofShared();
  private final LaunchConfig config = new LaunchConfig(arena, 1);
  private Driver driver;
  private int device;
  private long stream;
  private long module;
  private long kernel;
  private long graph;
  private long exec;

  /** A machine without a GPU; its message says all there is to know. */
  private static final class NoGpuException extends RuntimeException {
    private static final long serialVersionUID = 1;

    NoGpuException(String why) {
      super("LaunchBenchmark: expected an NVIDIA GPU: " + why, null, false, false);
    }
  }

  /** Opens the first GPU, and captures a graph. */
  @Setup(Level.Trial)
  public void open() throws CudaException {
    System.setProperty("lamina.cuda.binding", binding);
    Probe.Available found =
        switch (Probe.run()) {
          case Probe.Absent a -> throw new NoGpuException(a.why());
          case Probe.Broken b -> throw new NoGpuException(b.why());
          case Probe.Available a -> a;
        };
    driver = found.driver();
    DeviceFacts facts = found.devices().getFirst();
    device = facts.device();
    driver.use(driver.primaryContextRetain(device));
    stream = driver.streamCreate();
    // Its struct of zeros: nothing to read.
    module = KernelModules.of(driver, facts).load("yardstick");
    kernel = driver.moduleGetFunction(module, "read_all");
    config.stream(stream).grid(1, 1, 1).block(128, 1, 1);
    config.argStruct(arena.allocate(PARAMS_BYTES, 16));
    driver.streamBeginCapture(stream);
    launchAll();
    graph = driver.streamEndCapture(stream);
    exec = driver.graphInstantiate(graph);
    driver.graphUpload(exec, stream);
  }

  private void launchAll() throws CudaException {
    for (int i = 0; i < LAUNCHES; i++) {
      driver.launch(kernel, config);
    }
  }

  /** Waits for what was launched. */
  @TearDown(Level.Invocation)
  public void await() throws CudaException {
    driver.streamSynchronize(stream);
  }

  /** Gives all back. */
  @TearDown(Level.Trial)
  public void close() throws CudaException {
    driver.graphExecDestroy(exec);
    driver.graphDestroy(graph);
    driver.moduleUnload(module);
    driver.streamDestroy(stream);
    driver.primaryContextRelease(device);
    arena.close();
  }

  /** One launch. */
  @Benchmark
  @OperationsPerInvocation(LAUNCHES)
  public void launch() throws CudaException {
    config.pdl(false);
    launchAll();
  }

  /** One that may start before the one ahead of it ends, where the binding knows that. */
  @Benchmark
  @OperationsPerInvocation(LAUNCHES)
  public void dependentLaunch() throws CudaException {
    config.pdl(true);
    launchAll();
  }

  /** One launch of a graph of 64 kernels. */
  @Benchmark
  public void graphOf64() throws CudaException {
    driver.graphLaunch(exec, stream);
  }
}
