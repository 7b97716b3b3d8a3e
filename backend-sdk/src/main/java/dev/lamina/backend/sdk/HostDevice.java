package dev.lamina.backend.sdk;

import dev.lamina.spi.BackendException;
import dev.lamina.spi.Buffer;
import dev.lamina.spi.Command;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.Device;
import dev.lamina.spi.DeviceInfo;
import dev.lamina.spi.DeviceLost;
import dev.lamina.spi.DeviceStats;
import dev.lamina.spi.Executable;
import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.MemoryKind;
import dev.lamina.spi.OpSpec;
import dev.lamina.spi.OutOfDeviceMemory;
import dev.lamina.spi.Points;
import dev.lamina.spi.Queue;
import dev.lamina.spi.RunMeter.RunTimes;
import dev.lamina.spi.State;
import dev.lamina.spi.StateLayout;
import dev.lamina.spi.Support;
import dev.lamina.spi.Timeline;
import dev.lamina.spi.Unsupported;
import dev.lamina.spi.Weight;
import dev.lamina.spi.WeightSpec;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.StateSpec;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A device whose kernels come from a {@link KernelProvider}, in the host's memory or in a {@link
 * MemorySpace} of its own.
 *
 * <p>Thread-safe. Commands of several queues run one at a time: the provider's workers are shared.
 */
public final class HostDevice implements Device {
  private final DeviceInfo info;
  private final KernelProvider provider;
  private final MemorySpace space;
  private final Runnable onClose;
  private final Ledger ledger = new Ledger();
  private final ReentrantLock running = new ReentrantLock();
  private final @Nullable PendingWork pending;
  private volatile boolean closed;
  private volatile @Nullable DeviceLost lost;

  /**
   * Opens a device.
   *
   * @param info what is known of it
   * @param provider its kernels
   * @param onClose gives back what the provider holds, such as its workers; called once
   */
  public HostDevice(DeviceInfo info, KernelProvider provider, Runnable onClose) {
    this(info, provider, HostSpace.INSTANCE, onClose);
  }

  /**
   * Opens a device with memory of its own.
   *
   * @param info what is known of it
   * @param provider its kernels, and how they move elements
   * @param space its memory
   * @param onClose gives back what the provider and the space hold; called once
   */
  public HostDevice(DeviceInfo info, KernelProvider provider, MemorySpace space, Runnable onClose) {
    this.info = info;
    this.provider = provider;
    this.space = space;
    this.onClose = onClose;
    OrderMarks marks = provider.marks().orElse(null);
    this.pending = marks == null ? null : new PendingWork(marks, this);
  }

  Ledger ledger() {
    return ledger;
  }

  KernelProvider provider() {
    return provider;
  }

  MemorySpace space() {
    return space;
  }

  void checkUsable(String operation) throws BackendException {
    if (closed) {
      throw new IllegalStateException(
          operation + ": the device " + info.name() + " is closed; use it before closing it");
    }
    DeviceLost error = lost;
    if (error != null) {
      throw error;
    }
  }

  /** Runs a command that was checked; its signals are told when it is done, now or later. */
  void run(CommandRunner runner, Command command, int generation, Points signals) {
    BackendException error;
    running.lock();
    try {
      error = attempt(runner, command);
      if (error == null && pending != null) {
        pending.add(generation, signals);
        return;
      }
    } catch (BackendFailure e) {
      error = failed(e);
    } finally {
      running.unlock();
    }
    end(generation, signals, error);
  }

  /** Tells the signals of a command that is over, after those of the ones before it. */
  void end(int generation, Points signals, @Nullable BackendException error) {
    drain();
    ledger.exit(generation);
    for (int i = 0; i < signals.size(); i++) {
      HostQueue.signal(signals.timeline(i), signals.value(i), error);
    }
  }

  private @Nullable BackendException attempt(CommandRunner runner, Command command) {
    try {
      runner.run(command);
      return null;
    } catch (BackendException e) {
      return e;
    } catch (BackendFailure e) {
      return failed(e);
    } catch (ProgramError e) {
      return new InvalidProgram("run: " + e.getMessage(), e);
    } catch (RuntimeException e) {
      return new InvalidProgram(
          "run: a kernel failed: " + e.getMessage() + "; compile with debug to check indices", e);
    } catch (OutOfMemoryError e) {
      return new OutOfDeviceMemory("run: the Java heap is full; raise -Xmx", e);
    } catch (Error e) {
      DeviceLost error = new DeviceLost("run: " + info.name() + " failed: " + e, e);
      lost = error;
      return error;
    }
  }

  /** The error of a failure; a device that is lost stays so. */
  BackendException failed(BackendFailure e) {
    if (e.failure() instanceof DeviceLost error) {
      lost = error;
    }
    return e.failure();
  }

  /** Tells timelines what the device has done by now. */
  void settle() {
    if (pending != null) {
      pending.settle();
    }
  }

  /** The same where much is in flight. */
  void settleMany() {
    if (pending != null) {
      pending.settleMany();
    }
  }

  /** A moment of waiting, since a time, for what it has taken. */
  void pause(long start) {
    if (pending != null) {
      pending.pause(start);
    }
  }

  /** Completes stages though nobody asks for values. */
  void watch() {
    if (pending != null) {
      pending.watch();
    }
  }

  /** Whether it has a clock for runs. */
  boolean hasClock() {
    return provider.clock().isPresent();
  }

  /** Times runs from here on. */
  void startTiming() throws BackendException {
    RunClock clock = clock();
    running.lock();
    try {
      checkUsable("startTiming");
      clock.start();
    } catch (BackendFailure e) {
      throw failed(e);
    } finally {
      running.unlock();
    }
  }

  /** Ends what {@link #startTiming} began. */
  RunTimes stopTiming() throws BackendException {
    RunClock clock = clock();
    running.lock();
    try {
      checkUsable("stopTiming");
      return clock.stop();
    } catch (BackendFailure e) {
      throw failed(e);
    } finally {
      running.unlock();
    }
  }

  private RunClock clock() throws Unsupported {
    return provider
        .clock()
        .orElseThrow(() -> new Unsupported("timing: " + info.name() + " has no clock for runs"));
  }

  /** Waits for all that was run. */
  private void drain() {
    if (pending != null) {
      pending.drain();
    }
  }

  @Override
  public DeviceInfo info() {
    long live = ledger.stats().liveBytes();
    DeviceInfo.MemoryInfo m = info.memory();
    if (live == 0) {
      return info;
    }
    long free = Math.max(0, m.freeBytes() - live);
    return info.withMemory(new DeviceInfo.MemoryInfo(m.totalBytes(), free, m.sharedWithHost()));
  }

  /** The info as it was at open; free of cost. */
  DeviceInfo fixedInfo() {
    return info;
  }

  @Override
  public Support supports(OpSpec op) {
    SdkOps.Choice own = SdkOps.of(op.op());
    return own == null ? provider.choose(op).support() : own.support();
  }

  @Override
  public StateLayout chooseStateLayout(StateSpec spec) {
    return StateLayout.dense(spec);
  }

  @Override
  public State allocateState(StateLayout layout, long numSlots) throws BackendException {
    checkUsable("allocateState");
    StateSpec spec = layout.spec();
    if (!layout.tag().equals(StateLayout.DENSE)
        || numSlots < 0
        || numSlots % spec.slotsPerPage() != 0) {
      throw new InvalidProgram(
          "allocateState %s: expected layout dense and a multiple of %d slots, got %s and %d"
              .formatted(spec.name(), spec.slotsPerPage(), layout.tag(), numSlots));
    }
    String what = "allocateState " + spec.name();
    long bytes;
    try {
      bytes = HostPool.bytes(spec, numSlots);
    } catch (ArithmeticException e) {
      throw new OutOfDeviceMemory(what + ": " + numSlots + " slots are more than 2^63 bytes", e);
    }
    return new HostPool(this, layout, numSlots, memory(bytes, MemoryKind.DEVICE, what));
  }

  @Override
  public Weight loadWeight(WeightSpec spec, MemorySegment data) throws BackendException {
    checkUsable("loadWeight");
    long need = spec.type().byteSize();
    if (data.byteSize() < need) {
      throw new InvalidProgram(
          "loadWeight %s: expected %d bytes for %s, got %d"
              .formatted(spec.name(), need, spec.type(), data.byteSize()));
    }
    String what = "loadWeight " + spec.name();
    MemorySegment bytes = data.asSlice(0, need);
    if (!info.memory().sharedWithHost()) {
      checkRoom(need, what);
    }
    return new HostWeight(this, spec, space.adopt(bytes, false, what));
  }

  @Override
  public Buffer allocate(long bytes, MemoryKind kind) throws BackendException {
    checkUsable("allocate");
    if (bytes < 0) {
      throw new InvalidProgram("allocate: expected at least 0 bytes, got " + bytes);
    }
    return new HostBuffer(this, kind, memory(bytes, kind, "allocate"));
  }

  /** Zeroed memory, if this device may take so much. */
  MemorySpace.Block memory(long bytes, MemoryKind kind, String what) throws OutOfDeviceMemory {
    checkRoom(bytes, what);
    return space.allocate(bytes, kind, what);
  }

  private void checkRoom(long bytes, String what) throws OutOfDeviceMemory {
    long room = info.memory().totalBytes() - ledger.stats().liveBytes();
    if (bytes > info.limits().maxAllocationBytes() || bytes > room) {
      throw new OutOfDeviceMemory(
          "%s: expected at most %d bytes on %s, got %d; close buffers or ask for less"
              .formatted(
                  what, Math.min(room, info.limits().maxAllocationBytes()), info.name(), bytes));
    }
  }

  @Override
  public Buffer wrapHost(MemorySegment segment) throws BackendException {
    checkUsable("wrapHost");
    if (!segment.isNative()) {
      throw new InvalidProgram(
          "wrapHost: expected native memory, got a segment of the Java heap; allocate it in an arena");
    }
    MemorySpace.Block block = space.adopt(segment, true, "wrapHost");
    return new HostBuffer(this, block.isShared() ? MemoryKind.SHARED : MemoryKind.DEVICE, block);
  }

  @Override
  public Queue newQueue() throws BackendException {
    checkUsable("newQueue");
    return new HostQueue(this);
  }

  @Override
  public Timeline newTimeline(long initial) throws BackendException {
    checkUsable("newTimeline");
    return new HostTimeline(this, initial);
  }

  @Override
  public Executable compile(Graph graph, CompileOptions options) throws BackendException {
    checkUsable("compile");
    try {
      return new GraphCompiler(this, graph, options).compile();
    } catch (BackendFailure e) {
      // Kernels that are made for this graph may take memory of the device.
      throw failed(e);
    }
  }

  @Override
  public DeviceStats stats() {
    settle();
    return ledger.stats();
  }

  @Override
  public void close() {
    synchronized (this) {
      if (closed) {
        return;
      }
      drain();
      ledger.checkEmpty("device " + info.name());
      closed = true;
    }
    onClose.run();
  }

  boolean isClosed() {
    return closed;
  }
}
