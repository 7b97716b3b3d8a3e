package dev.lamina.backend.rocm.gpu;

import dev.lamina.backend.rocm.driver.BlasLt;
import dev.lamina.backend.rocm.driver.DeviceFacts;
import dev.lamina.backend.rocm.driver.Failures;
import dev.lamina.backend.rocm.driver.Hip;
import dev.lamina.backend.rocm.driver.HipException;
import dev.lamina.backend.rocm.driver.KernelModules;
import dev.lamina.backend.sdk.grid.GridDevice;
import dev.lamina.spi.BackendException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** One GPU that is open: the stream that all work goes to in order, its kernels, its memory. */
public final class HipGpu extends GridDevice implements AutoCloseable {
  private static final long LEAST_SCRATCH = 1 << 20;

  private final Hip hip;
  private final DeviceFacts facts;
  private final KernelModules kernels;
  private final Map<String, Long> functions = new HashMap<>();
  private final Map<String, Long> modules = new HashMap<>();
  private final List<Long> owned = new ArrayList<>();
  private final MemorySegment arguments = Arena.ofAuto().allocate(ValueLayout.ADDRESS);
  private final Staging staging;
  private final long stream;
  private final long captureStream;
  private boolean capturing;
  private long scratch;
  private long scratchBytes;
  private long scratchGeneration;

  /**
   * Opens a device.
   *
   * @param hip initialized
   * @param facts of the device
   * @param kernels of this GPU
   * @throws HipException if HIP refuses
   */
  public HipGpu(Hip hip, DeviceFacts facts, KernelModules kernels) throws HipException {
    this.hip = hip;
    this.facts = facts;
    this.kernels = kernels;
    hip.setDevice(facts.ordinal());
    staging = new Staging(hip);
    long[] streams = streams();
    stream = streams[0];
    captureStream = streams[1];
  }

  /** Two streams, or none and no staging. */
  private long[] streams() throws HipException {
    long first = 0;
    try {
      first = hip.streamCreate();
      return new long[] {first, hip.streamCreate()};
    } catch (HipException e) {
      staging.close();
      if (first != 0) {
        hip.streamDestroy(first);
      }
      throw e;
    }
  }

  /** HIP, for calls on this device. */
  Hip hip() {
    return hip;
  }

  /** The stream of all work, never captured. */
  long stream() {
    return stream;
  }

  /** Changes when scratch moves, so that launches made before point to freed memory. */
  long scratchGeneration() {
    return scratchGeneration;
  }

  /**
   * hipBLASLt, whose products are submitted in the order of this GPU's work.
   *
   * @param hipVersion as the runtime tells it
   * @return empty if it is not installed
   * @throws BackendException if it is but does not start
   */
  public Optional<BlasLt> library(int hipVersion) throws BackendException {
    use();
    try {
      return BlasLt.open(hipVersion, this::target);
    } catch (HipException e) {
      throw Failures.of("hipBLASLt", e);
    }
  }

  /** The stream that kernels launch, copy and fill in now: another while they are captured. */
  private long target() {
    return capturing ? captureStream : stream;
  }

  /** Lets launches become nodes of a graph until {@link #endCapture}. */
  void beginCapture() throws HipException {
    hip.streamBeginCapture(captureStream);
    capturing = true;
  }

  /** Lets launches run again; gives the graph of those since {@link #beginCapture}. */
  long endCapture() throws HipException {
    capturing = false;
    return hip.streamEndCapture(captureStream);
  }

  @Override
  public void use() {
    try {
      hip.setDevice(facts.ordinal());
    } catch (HipException e) {
      throw Failures.unchecked("use", e);
    }
  }

  @Override
  public long function(String file, String name) {
    synchronized (functions) {
      Long known = functions.get(name);
      if (known != null) {
        return known;
      }
      use();
      try {
        Long module = modules.get(file);
        if (module == null) {
          module = kernels.load(file);
          modules.put(file, module);
        }
        long function = hip.moduleGetFunction(module, name);
        functions.put(name, function);
        return function;
      } catch (HipException e) {
        throw Failures.unchecked("kernel " + name, e);
      }
    }
  }

  @Override
  public void launch(long function, long x, long y, long z, int threads, int sharedBytes) {
    if (x == 0 || y == 0 || z == 0) {
      return;
    }
    arguments.set(ValueLayout.ADDRESS, 0, launched().struct());
    Hip.Grid grid = new Hip.Grid(Math.toIntExact(x), Math.toIntExact(y), Math.toIntExact(z));
    try {
      hip.launch(function, grid, threads, sharedBytes, target(), arguments);
    } catch (HipException e) {
      throw Failures.unchecked("launch", e);
    }
  }

  @Override
  public int multiprocessors() {
    return facts.numUnits();
  }

  @Override
  public int sharedBytes() {
    return facts.maxSharedBytes();
  }

  @Override
  public long own(long bytes) {
    use();
    try {
      long address = hip.malloc(bytes);
      synchronized (owned) {
        owned.add(address);
      }
      return address;
    } catch (HipException e) {
      throw Failures.unchecked("memory of " + bytes + " bytes", e);
    }
  }

  @Override
  public long scratch(long bytes) {
    if (bytes <= scratchBytes) {
      return scratch;
    }
    if (capturing) {
      throw new IllegalStateException(
          "scratch: expected at most the %d bytes of earlier runs in a capture, got %d"
              .formatted(scratchBytes, bytes));
    }
    long size = Math.max(LEAST_SCRATCH, Long.highestOneBit(bytes - 1) << 1);
    try {
      hip.streamSynchronize(stream);
      scratchGeneration++;
      if (scratch != 0) {
        hip.free(scratch);
        scratch = 0;
        scratchBytes = 0;
      }
      scratch = hip.malloc(size);
      scratchBytes = size;
      return scratch;
    } catch (HipException e) {
      throw Failures.unchecked("scratch of " + bytes + " bytes", e);
    }
  }

  @Override
  public void upload(MemorySegment host, long to) {
    use();
    try {
      staging.copyIn(host, to, stream);
      hip.streamSynchronize(stream);
    } catch (HipException e) {
      throw Failures.unchecked("upload", e);
    }
  }

  @Override
  public void download(long from, MemorySegment host) {
    use();
    try {
      staging.copyOut(from, host, stream);
    } catch (HipException e) {
      throw Failures.unchecked("download", e);
    }
  }

  @Override
  public void copy(long from, long to, long bytes) {
    if (bytes == 0) {
      return;
    }
    try {
      hip.copyAsync(to, from, bytes, target());
    } catch (HipException e) {
      throw Failures.unchecked("copy", e);
    }
  }

  @Override
  public void fill(long to, int value, long count) {
    try {
      hip.fillIntsAsync(to, value, count, target());
    } catch (HipException e) {
      throw Failures.unchecked("fill", e);
    }
  }

  /** Copies from the host in the order of work; the host's memory is free when this returns. */
  void stage(MemorySegment host, long to) throws HipException {
    staging.copyIn(host, to, stream);
  }

  @Override
  public void close() {
    use();
    try {
      hip.streamSynchronize(stream);
      staging.close();
      for (long module : modules.values()) {
        hip.moduleUnload(module);
      }
      for (long address : owned) {
        hip.free(address);
      }
      if (scratch != 0) {
        hip.free(scratch);
      }
      hip.streamDestroy(captureStream);
      hip.streamDestroy(stream);
    } catch (HipException e) {
      throw Failures.unchecked("close", e);
    }
  }
}
