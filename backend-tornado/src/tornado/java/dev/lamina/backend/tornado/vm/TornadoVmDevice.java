package dev.lamina.backend.tornado.vm;

import dev.lamina.backend.sdk.BackendFailure;
import dev.lamina.backend.sdk.NativeMemory;
import dev.lamina.backend.sdk.grid.Params;
import dev.lamina.backend.tornado.Heap;
import dev.lamina.backend.tornado.TornadoDevice;
import dev.lamina.backend.tornado.kernels.Cells;
import dev.lamina.backend.tornado.kernels.Staging;
import dev.lamina.spi.CompileFailed;
import dev.lamina.spi.DeviceLost;
import dev.lamina.spi.OutOfDeviceMemory;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.ImmutableTaskGraph;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.WorkerGrid1D;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.exceptions.TornadoInternalError;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.LongArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * A device of TornadoVM: one array of bytes as its memory, and a task graph for each kernel.
 *
 * <p>The memory is taken and the graphs are made once a process: TornadoVM pools what is given
 * back, and would hand out one buffer for each of the five arrays that stand for it. A graph is
 * compiled when it first runs.
 *
 * <p>Launches wait until the device is done. Thread-safe.
 */
final class TornadoVmDevice extends TornadoDevice {
  private static final int LOCAL_THREADS = 64;
  private static final int THREADS_A_UNIT = 1024;
  private static final int SMALL_WORDS = 1 << 10;
  private static final int LARGE_WORDS = 1 << 20;

  private final uk.ac.manchester.tornado.api.common.TornadoDevice device;
  private final KernelTable table = new KernelTable();
  private final IntArray struct = new IntArray(Cells.STRUCT_WORDS + 4);
  private final FloatArray numbers = new FloatArray(Cells.FLOAT_WORDS);
  private final ByteArray bytes;
  private final ShortArray shorts = new ShortArray(8);
  private final IntArray ints = new IntArray(8);
  private final FloatArray floats = new FloatArray(8);
  private final LongArray longs = new LongArray(8);
  private final IntArray small = new IntArray(SMALL_WORDS);
  private final IntArray large = new IntArray(LARGE_WORDS);
  private final KernelContext context = new KernelContext();
  private final GridScheduler grids = new GridScheduler();
  private final List<ImmutableTaskGraph> graphs = new ArrayList<>();
  private final List<String> names = new ArrayList<>();
  private final List<WorkerGrid1D> workers = new ArrayList<>();
  private final BitSet compiled = new BitSet();
  private final TornadoExecutionPlan plan;
  private final int fill;
  private final int copyRange;
  private final int smallIn;
  private final int largeIn;
  private final int smallOut;
  private final int largeOut;
  private final int maxThreads;

  /**
   * Takes memory.
   *
   * @param device TornadoVM's
   * @param ordinal names the task graphs
   * @param memoryBytes of memory, header included
   * @throws OutOfDeviceMemory if the host or the device has not so much
   */
  TornadoVmDevice(
      uk.ac.manchester.tornado.api.common.TornadoDevice device, int ordinal, long memoryBytes)
      throws OutOfDeviceMemory {
    super(new Heap(Cells.RESERVED_BYTES, memoryBytes - TornadoNativeArray.ARRAY_HEADER));
    this.device = device;
    maxThreads = Math.min(Cells.MAX_THREADS, THREADS_A_UNIT * multiprocessors());
    // What the device's memory holds at first: TornadoVM copies an array whole before its first
    // use.
    MemorySegment first = NativeMemory.allocate(memoryBytes, "open tornado").segment();
    Tables.write(first.asSlice(TornadoNativeArray.ARRAY_HEADER));
    bytes = ByteArray.fromSegmentShallow(first);
    add("begin", begin("lamina" + ordinal + "begin"));
    for (KernelTable.Entry e : table.entries()) {
      String name = "lamina" + ordinal + e.name();
      add(name, kernel(name, e));
    }
    fill = 1 + table.index("fill");
    copyRange = 1 + table.index("copy_range");
    String staging = "lamina" + ordinal;
    smallIn = add(staging + "smallin", in(staging + "smallin", small));
    largeIn = add(staging + "largein", in(staging + "largein", large));
    smallOut = add(staging + "smallout", out(staging + "smallout", small));
    largeOut = add(staging + "largeout", out(staging + "largeout", large));
    plan = new TornadoExecutionPlan(graphs.toArray(ImmutableTaskGraph[]::new));
    plan.withDevice(device);
    plan.withGridScheduler(grids);
    run(0, 1);
    for (Object view : new Object[] {shorts, ints, floats, longs}) {
      plan.mapOnDeviceMemoryRegion(view, bytes, 0, 0, 0);
    }
  }

  /** Takes the memory: the task that is first to have it, and does nothing. */
  static void begin(
      KernelContext context,
      IntArray p,
      ByteArray bytes,
      ShortArray shorts,
      IntArray ints,
      FloatArray floats,
      LongArray longs) {
    if (p.get(0) > context.globalIdx) {
      bytes.set(0, (byte) 0);
      shorts.set(0, (short) 0);
      ints.set(0, 0);
      floats.set(0, 0f);
      longs.set(0, 0L);
    }
  }

  private int add(String name, TaskGraph graph) {
    WorkerGrid1D worker = new WorkerGrid1D(LOCAL_THREADS);
    worker.setLocalWork(LOCAL_THREADS, 1, 1);
    grids.addWorkerGrid(name + ".t", worker);
    names.add(name);
    workers.add(worker);
    graphs.add(graph.snapshot());
    return graphs.size() - 1;
  }

  private TaskGraph begin(String name) {
    return new TaskGraph(name)
        .transferToDevice(DataTransferMode.EVERY_EXECUTION, struct)
        .task("t", TornadoVmDevice::begin, context, struct, bytes, shorts, ints, floats, longs)
        .persistOnDevice(bytes, shorts, ints, floats, longs);
  }

  private TaskGraph kernel(String name, KernelTable.Entry e) {
    return new TaskGraph(name)
        .consumeFromDevice(bytes, shorts, ints, floats, longs)
        .transferToDevice(DataTransferMode.EVERY_EXECUTION, struct, numbers)
        .task("t", e.task(), context, struct, numbers, bytes, shorts, ints, floats, longs)
        .persistOnDevice(bytes, shorts, ints, floats, longs);
  }

  private TaskGraph in(String name, IntArray staging) {
    return new TaskGraph(name)
        .consumeFromDevice(bytes, shorts, ints, floats, longs)
        .transferToDevice(DataTransferMode.EVERY_EXECUTION, struct, staging)
        .task("t", Staging::in, context, struct, staging, bytes, ints)
        .persistOnDevice(bytes, shorts, ints, floats, longs);
  }

  private TaskGraph out(String name, IntArray staging) {
    return new TaskGraph(name)
        .consumeFromDevice(bytes, shorts, ints, floats, longs)
        .transferToDevice(DataTransferMode.EVERY_EXECUTION, struct)
        .task("t", Staging::out, context, struct, staging, bytes, ints)
        .transferToHost(DataTransferMode.EVERY_EXECUTION, staging)
        .persistOnDevice(bytes, shorts, ints, floats, longs);
  }

  /** Runs a graph with about so many threads, and waits. */
  private void run(int graph, long threads) {
    long whole = Math.max(1, Math.ceilDiv(threads, LOCAL_THREADS)) * LOCAL_THREADS;
    workers.get(graph).setGlobalWork(Math.min(whole, maxThreads), 1, 1);
    try {
      plan.withGraph(graph).execute();
      device.sync(plan.getId());
    } catch (RuntimeException | TornadoInternalError e) {
      throw failure(graph, e);
    }
    compiled.set(graph);
  }

  private BackendFailure failure(int graph, Throwable e) {
    String name = names.get(graph);
    String why = e.getMessage() == null ? e.toString() : e.getMessage().replace('\n', ' ');
    if (compiled.get(graph)) {
      return new BackendFailure(
          new DeviceLost(
              "tornado: %s failed on %s: %s".formatted(name, device.getDeviceName(), why), e));
    }
    return new BackendFailure(
        new CompileFailed(
            "tornado: TornadoVM compiled no kernel of %s for %s: %s; -Dtornado.debug=True says more"
                .formatted(name, device.getDeviceName(), why),
            e));
  }

  @Override
  public long function(String file, String name) {
    return 1L + table.index(name);
  }

  @Override
  public synchronized void launch(
      long function, long x, long y, long z, int threads, int sharedBytes) {
    if (x == 0 || y == 0 || z == 0) {
      return;
    }
    Params p = launched();
    MemorySegment words = p.struct();
    int count = Math.toIntExact(p.bytes() / Integer.BYTES);
    for (int i = 0; i < count; i++) {
      struct.set(i, words.getAtIndex(ValueLayout.JAVA_INT, i));
    }
    for (int i = 0; i < Math.min(count, Cells.FLOAT_WORDS); i++) {
      numbers.set(i, words.getAtIndex(ValueLayout.JAVA_FLOAT, i));
    }
    struct.set(Cells.STRUCT_WORDS, Math.toIntExact(x));
    struct.set(Cells.STRUCT_WORDS + 1, Math.toIntExact(y));
    struct.set(Cells.STRUCT_WORDS + 2, Math.toIntExact(z));
    run((int) function, x * y * z * threads);
  }

  @Override
  public int multiprocessors() {
    return Math.max(1, device.getPhysicalDevice().getDeviceMaxComputeUnits());
  }

  private void range(long first, long second, long n, int width) {
    struct.set(0, (int) first);
    struct.set(2, (int) second);
    struct.set(3, (int) (second >>> 32));
    struct.set(4, Math.toIntExact(n));
    struct.set(6, width);
  }

  @Override
  public synchronized void copy(long from, long to, long bytes) {
    if (bytes == 0) {
      return;
    }
    int width = (int) Math.min(16, Long.lowestOneBit(bytes | from | to));
    range(from, to, bytes / width, width);
    run(copyRange, bytes / width);
  }

  @Override
  public synchronized void fill(long to, long pattern, long count, int width) {
    if (count == 0) {
      return;
    }
    range(to, pattern, count, width);
    run(fill, count);
  }

  @Override
  public synchronized void upload(MemorySegment host, long to) {
    long bytes = host.byteSize();
    for (long at = 0; at < bytes; ) {
      IntArray staging = bytes - at <= 4L * SMALL_WORDS ? small : large;
      long now = Math.min(bytes - at, 4L * staging.getSize());
      MemorySegment.copy(host, at, staging.getSegment(), 0, now);
      struct.set(0, (int) (to + at));
      struct.set(2, (int) now);
      run(staging == small ? smallIn : largeIn, Math.ceilDiv(now, 4));
      at += now;
    }
  }

  @Override
  public synchronized void download(long from, MemorySegment host) {
    long bytes = host.byteSize();
    for (long at = 0; at < bytes; ) {
      IntArray staging = bytes - at <= 4L * SMALL_WORDS ? small : large;
      long now = Math.min(bytes - at, 4L * staging.getSize());
      struct.set(0, (int) (from + at));
      struct.set(2, (int) now);
      run(staging == small ? smallOut : largeOut, Math.ceilDiv(now, 4));
      MemorySegment.copy(staging.getSegment(), 0, host, at, now);
      at += now;
    }
  }
}
