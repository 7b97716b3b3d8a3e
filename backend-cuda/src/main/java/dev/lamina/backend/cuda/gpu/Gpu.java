package dev.lamina.backend.cuda.gpu;

import dev.lamina.backend.cuda.driver.CudaException;
import dev.lamina.backend.cuda.driver.DeviceFacts;
import dev.lamina.backend.cuda.driver.Driver;
import dev.lamina.backend.cuda.driver.FunctionAttribute;
import dev.lamina.backend.cuda.driver.KernelModules;
import dev.lamina.backend.cuda.driver.LaunchConfig;
import dev.lamina.backend.sdk.grid.GridDevice;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * One GPU that is open: its context, the stream that all work goes to in order, its kernels, and
 * what launches share.
 *
 * <p>Launches come from one thread at a time, as the SDK's device runs commands. Memory may be
 * taken and given back by any thread.
 */
public final class Gpu extends GridDevice implements AutoCloseable {
  /** The only architecture with wgmma. */
  private static final int WARPGROUPS_SM = 90;

  /** CUDA C++ Programming Guide: what a kernel need not ask for. */
  private static final int SHARED_BYTES = 48 << 10;

  private static final long COUNTER_BYTES = 64 << 10;

  /** CUDA C++ Programming Guide, programmatic dependent launch: compute capability 9.0. */
  private static final int FIRST_SM_WITH_DEPENDENT_LAUNCH = 90;

  private final Driver driver;
  private final int device;
  private final long context;
  private final Arena arena = Arena.ofShared();
  private final KernelModules kernels;
  private final Map<String, Long> functions = new HashMap<>();
  private final List<Long> modules = new ArrayList<>();
  private final Map<String, Long> moduleOf = new HashMap<>();
  private final List<Long> owned = new ArrayList<>();
  private final LaunchConfig config = new LaunchConfig(arena, 1);
  private final long memoryStream;
  private final long captureStream;
  private final long counters;
  private final int multiprocessors;
  private final int maxSharedBytes;
  private int architecture;
  private long stream;
  private long scratch;
  private long scratchBytes;
  private long scratchGeneration;
  private long submissions;
  private boolean isFirst = true;

  /**
   * Opens a device.
   *
   * @param driver initialized
   * @param facts of the device
   * @param kernels of this GPU
   * @throws CudaException if the driver refuses
   */
  public Gpu(Driver driver, DeviceFacts facts, KernelModules kernels) throws CudaException {
    this.driver = driver;
    this.kernels = kernels;
    this.multiprocessors = facts.numSms();
    this.maxSharedBytes = facts.maxSharedBytes();
    this.architecture = facts.sm();
    this.device = facts.device();
    this.context = driver.primaryContextRetain(device);
    driver.use(context);
    this.memoryStream = driver.streamCreate();
    this.captureStream = driver.streamCreate();
    this.counters = owned(COUNTER_BYTES);
    driver.memsetD8Async(counters, (byte) 0, COUNTER_BYTES, memoryStream);
    launchTo(memoryStream);
  }

  private void launchTo(long to) {
    submissions++;
    stream = to;
    config.stream(to);
  }

  /** The driver. */
  public Driver driver() {
    return driver;
  }

  /**
   * Where kernels launch, copy and fill: the stream of all work, or the one that is captured. For
   * the thread that runs kernels.
   */
  public long stream() {
    submissions++;
    return stream;
  }

  /**
   * Changes when anything is launched or a run begins: what a kernel left in memory that others may
   * write is still there only if this is as it was.
   */
  public long submissions() {
    return submissions;
  }

  /**
   * Begins a run: makes this GPU's context current on the thread that runs kernels, and has the
   * first of them start when all that came before has ended.
   */
  public void beginRun() {
    submissions++;
    use();
    isFirst = true;
  }

  /**
   * The stream of all work, never captured: what other threads put there must not end up in the
   * graph of a run.
   */
  public long memoryStream() {
    return memoryStream;
  }

  /** Lets launches become nodes of a graph until {@link #endCapture}. */
  void beginCapture() throws CudaException {
    isFirst = true;
    driver.streamBeginCapture(captureStream);
    launchTo(captureStream);
  }

  /** Lets launches run again; gives the graph of those since {@link #beginCapture}. */
  long endCapture() throws CudaException {
    launchTo(memoryStream);
    return driver.streamEndCapture(captureStream);
  }

  /** Changes when scratch moves, so that launches made before point to freed memory. */
  long scratchGeneration() {
    return scratchGeneration;
  }

  @Override
  public int multiprocessors() {
    return multiprocessors;
  }

  @Override
  public int sharedBytes() {
    return SHARED_BYTES;
  }

  /**
   * Most shared memory of a block, of a kernel that {@link #function(String, String, int)} gave.
   */
  public int maxSharedBytes() {
    return maxSharedBytes;
  }

  /** Whether kernels that multiply by warpgroups ({@code wgmma.cuh}) run here. */
  public boolean hasWarpgroups() {
    return architecture == WARPGROUPS_SM;
  }

  @Override
  public void use() {
    try {
      driver.use(context);
    } catch (CudaException e) {
      throw Failures.unchecked("use", e);
    }
  }

  @Override
  public long own(long bytes) {
    try {
      return owned(bytes);
    } catch (CudaException e) {
      throw Failures.unchecked("memory of kernels", e);
    }
  }

  private synchronized long owned(long bytes) throws CudaException {
    driver.use(context);
    long address = driver.memAlloc(bytes);
    owned.add(address);
    return address;
  }

  @Override
  public long scratch(long bytes) {
    if (bytes > scratchBytes) {
      if (stream == captureStream) {
        throw new IllegalStateException(
            "scratch: expected at most the %d bytes of earlier runs in a capture, got %d"
                .formatted(scratchBytes, bytes));
      }
      try {
        driver.streamSynchronize(memoryStream);
        scratchGeneration++;
        submissions++;
        if (scratch != 0) {
          driver.memFree(scratch);
          scratch = 0;
          scratchBytes = 0;
        }
        long size = Math.max(1 << 20, Long.highestOneBit(bytes - 1) << 1);
        scratch = driver.memAlloc(size);
        scratchBytes = size;
      } catch (CudaException e) {
        throw Failures.unchecked("scratch of " + bytes + " bytes", e);
      }
    }
    return scratch;
  }

  /**
   * Device address of 16 Ki counters of 32 bits, zero between launches: a kernel that counts leaves
   * them so.
   */
  public long counters() {
    return counters;
  }

  @Override
  public long function(String file, String name) {
    synchronized (functions) {
      Long known = functions.get(name);
      if (known != null) {
        return known;
      }
      try {
        driver.use(context);
        Long module = moduleOf.get(file);
        boolean isNew = module == null;
        if (module == null) {
          module = kernels.load(file);
          modules.add(module);
          moduleOf.put(file, module);
        }
        long function = driver.moduleGetFunction(module, name);
        if (isNew) {
          // A jar may bring kernels for older GPUs than this one: they lack what came later.
          int builtFor = driver.functionAttribute(function, FunctionAttribute.PTX_VERSION);
          architecture = Math.min(architecture, builtFor);
        }
        functions.put(name, function);
        return function;
      } catch (CudaException e) {
        throw Failures.unchecked("kernel " + name, e);
      }
    }
  }

  /**
   * A kernel that takes more dynamic shared memory than 48 KiB.
   *
   * @param file source file, without its ending
   * @param name the kernel's
   * @param sharedBytes most that a launch will ask for
   * @return its handle
   */
  public long function(String file, String name, int sharedBytes) {
    long function = function(file, name);
    try {
      driver.use(context);
      driver.setFunctionAttribute(
          function, FunctionAttribute.MAX_DYNAMIC_SHARED_SIZE_BYTES, sharedBytes);
    } catch (CudaException e) {
      throw Failures.unchecked("kernel " + name, e);
    }
    return function;
  }

  /**
   * {@inheritDoc}
   *
   * <p>Where the GPU can, it starts before the kernel ahead of it ends (programmatic dependent
   * launch) and waits by itself, as all kernels of {@code lamina.cuh} do; the first one of a run
   * starts when all that came before has ended.
   */
  @Override
  public void launch(long function, long x, long y, long z, int threads, int sharedBytes) {
    if (x == 0 || y == 0 || z == 0) {
      return;
    }
    submissions++;
    config.grid(Math.toIntExact(x), Math.toIntExact(y), Math.toIntExact(z));
    config.block(threads, 1, 1).sharedBytes(sharedBytes).pdl(startsEarly() && !isFirst);
    isFirst = false;
    config.clearArgs().argStruct(launched().struct());
    try {
      driver.launch(function, config);
    } catch (CudaException e) {
      throw Failures.unchecked("launch of " + config, e);
    }
  }

  private boolean startsEarly() {
    return architecture >= FIRST_SM_WITH_DEPENDENT_LAUNCH;
  }

  @Override
  public void upload(MemorySegment host, long to) {
    use();
    try {
      // A plain copy of pageable memory may return ahead of its last bytes, which streams that do
      // not wait for the default one then overtake.
      driver.memcpyHtoDAsync(to, host, memoryStream);
      driver.streamSynchronize(memoryStream);
    } catch (CudaException e) {
      throw Failures.unchecked("upload", e);
    }
  }

  @Override
  public void download(long from, MemorySegment host) {
    use();
    try {
      driver.memcpyDtoHAsync(host, from, stream());
      driver.streamSynchronize(stream());
    } catch (CudaException e) {
      throw Failures.unchecked("download", e);
    }
  }

  @Override
  public void copy(long from, long to, long bytes) {
    try {
      driver.memcpyDtoDAsync(to, from, bytes, stream());
    } catch (CudaException e) {
      throw Failures.unchecked("copy", e);
    }
  }

  @Override
  public void fill(long to, int value, long count) {
    try {
      driver.memsetD32Async(to, value, count, stream());
    } catch (CudaException e) {
      throw Failures.unchecked("fill", e);
    }
  }

  /** Waits for all work. */
  public void synchronize() {
    try {
      driver.streamSynchronize(memoryStream);
    } catch (CudaException e) {
      throw Failures.unchecked("close", e);
    }
  }

  @Override
  public void close() {
    try {
      driver.use(context);
      driver.streamSynchronize(memoryStream);
      for (long module : modules) {
        driver.moduleUnload(module);
      }
      for (long address : owned) {
        driver.memFree(address);
      }
      if (scratch != 0) {
        driver.memFree(scratch);
      }
      driver.streamDestroy(captureStream);
      driver.streamDestroy(memoryStream);
      driver.primaryContextRelease(device);
    } catch (CudaException e) {
      throw Failures.unchecked("close", e);
    } finally {
      arena.close();
    }
  }
}
