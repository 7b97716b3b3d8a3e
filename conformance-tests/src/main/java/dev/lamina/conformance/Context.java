package dev.lamina.conformance;

import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.BackendOptions;
import dev.lamina.spi.BackendProvider;
import dev.lamina.spi.Cap;
import dev.lamina.spi.Device;
import dev.lamina.spi.DeviceInfo;
import dev.lamina.spi.Lowering;
import dev.lamina.spi.Support;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The device under test. Cases about ops share one open device; cases about lifecycles open their
 * own through {@link #openBackend()}. Not thread-safe.
 */
public final class Context implements AutoCloseable {
  /** Longest wait for one piece of work. */
  public static final Duration WAIT = Duration.ofSeconds(30);

  private final BackendProvider provider;
  private final int ordinal;
  private final BackendOptions options;
  private @Nullable Backend backend;
  private @Nullable Device device;
  private final Set<Observed.KernelUse> kernels = new LinkedHashSet<>();
  private final List<Measurement> measurements = new ArrayList<>();
  private final List<Timing> timings = new ArrayList<>();

  /**
   * A context that opens nothing yet.
   *
   * @param provider the backend under test
   * @param ordinal its device
   * @param options how to open it
   */
  public Context(BackendProvider provider, int ordinal, BackendOptions options) {
    this.provider = provider;
    this.ordinal = ordinal;
    this.options = options;
  }

  /**
   * The backend under test.
   *
   * @return its provider
   */
  public BackendProvider provider() {
    return provider;
  }

  /**
   * The device under test.
   *
   * @return 0-based index within its backend
   */
  public int ordinal() {
    return ordinal;
  }

  /**
   * Opens the backend anew.
   *
   * @return a backend the caller closes
   * @throws BackendException if it can't be opened
   */
  public Backend openBackend() throws BackendException {
    return provider.open(options);
  }

  /**
   * Opens the backend anew with little memory.
   *
   * @param memoryLimitBytes most bytes of a device's live objects
   * @return a backend the caller closes
   * @throws BackendException if it can't be opened
   */
  public Backend openBackend(long memoryLimitBytes) throws BackendException {
    return provider.open(options.withMemoryLimit(memoryLimitBytes));
  }

  /**
   * The device that op cases share, opened on first use.
   *
   * @return the device; closed with this context
   * @throws BackendException if it can't be opened
   */
  public Device device() throws BackendException {
    Device d = device;
    if (d == null) {
      Backend b = openBackend();
      backend = b;
      d = b.open(ordinal);
      device = d;
    }
    return d;
  }

  /**
   * What the device says of itself.
   *
   * @return its information
   * @throws BackendException if it can't be opened
   */
  public DeviceInfo info() throws BackendException {
    return device().info();
  }

  /**
   * Whether the device declares a capability.
   *
   * @param cap the capability
   * @return true if so
   * @throws BackendException if it can't be opened
   */
  public boolean has(Cap cap) throws BackendException {
    return info().caps().contains(cap);
  }

  /**
   * Keeps a number for the report; never decides a verdict.
   *
   * @param name a dotted path, such as {@code drift.linear.f32}
   * @param value the number
   * @param unit its unit, or empty
   */
  public void measure(String name, double value, String unit) {
    measure(name, value, unit, "");
  }

  /**
   * Keeps a number for the report; never decides a verdict.
   *
   * @param name a dotted path, such as {@code floor.linear.decode}
   * @param value the number
   * @param unit its unit, or empty
   * @param remark what follows from it
   */
  public void measure(String name, double value, String unit, String remark) {
    measurements.add(new Measurement(name, value, unit, remark));
  }

  /**
   * Keeps how fast an op ran for the report; never decides a verdict.
   *
   * @param timing with the ceilings of the same minute
   */
  public void timed(Timing timing) {
    timings.add(timing);
  }

  /**
   * Notes which kernels run a graph, for the report.
   *
   * @param lowering of an executable as the device would run it for any caller
   */
  public void ran(List<Lowering> lowering) {
    for (Lowering l : lowering) {
      int end = l.op().indexOf('(');
      String op = end < 0 ? l.op() : l.op().substring(0, end);
      switch (l.support()) {
        case Support.Native n ->
            kernels.add(
                new Observed.KernelUse(op, l.kernel(), false, n.perf() + " " + n.numerics()));
        case Support.Decompose d ->
            kernels.add(new Observed.KernelUse(op, l.kernel(), true, d.why()));
        case Support.Never n -> kernels.add(new Observed.KernelUse(op, l.kernel(), true, n.why()));
      }
    }
  }

  /** What was noted since this was last asked; the context forgets it. */
  Observed takeObserved() {
    Observed seen = new Observed(List.copyOf(kernels), measurements, timings);
    kernels.clear();
    measurements.clear();
    timings.clear();
    return seen;
  }

  @Override
  public void close() {
    Device d = device;
    Backend b = backend;
    device = null;
    backend = null;
    if (d != null) {
      d.close();
    }
    if (b != null) {
      b.close();
    }
  }
}
