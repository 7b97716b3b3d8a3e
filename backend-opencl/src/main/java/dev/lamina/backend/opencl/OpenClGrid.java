package dev.lamina.backend.opencl;

import dev.lamina.backend.opencl.cl.Cl;
import dev.lamina.backend.opencl.cl.ClException;
import dev.lamina.backend.opencl.cl.DeviceFacts;
import dev.lamina.backend.opencl.cl.Programs;
import dev.lamina.backend.sdk.grid.GridDevice;
import dev.lamina.backend.sdk.grid.KernelCache;
import dev.lamina.backend.sdk.grid.Params;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * One OpenCL device that is open: its context, the queue that all work goes to in order, its
 * programs, and what launches share.
 *
 * <p>An address is a buffer's number and an offset. A kernel takes the struct with offsets in place
 * of addresses, then for each of them the buffer.
 *
 * <p>Kernels are written for blocks of any size, so a launch's threads are work-items of a group of
 * the size that suits the device: one where work-items are a host's threads.
 */
final class OpenClGrid extends GridDevice implements AutoCloseable {
  /** Work-items of a group where they run in lockstep. */
  static final int WIDE_GROUP = 64;

  /** Elements that are worth a work-item of their own where it is a host's thread. */
  private static final long ELEMENTS_A_THREAD = 2048;

  /** Groups of a launch for each of a host's threads, as threads begin and go on unevenly. */
  private static final int GROUPS_A_THREAD = 16;

  private static final int MAX_STRUCT_BYTES = 4096;
  private static final int MAX_ADDRESSES = 64;
  private static final long MIN_SCRATCH_BYTES = 1 << 20;

  /** A kernel and how many arguments it takes. */
  private record Loaded(long kernel, String name, int args) {}

  private final DeviceFacts facts;
  private final int group;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment struct = arena.allocate(MAX_STRUCT_BYTES, 16);
  private final MemorySegment handles = arena.allocate(ValueLayout.JAVA_LONG, MAX_ADDRESSES);
  private final MemorySegment sizes = arena.allocate(ValueLayout.JAVA_LONG, 6);
  private final Buffers buffers = new Buffers();
  private final Map<String, Long> programs = new HashMap<>();
  private final Map<String, Long> functions = new HashMap<>();
  private final List<Loaded> kernels = new ArrayList<>();
  private final List<Long> owned = new ArrayList<>();
  private final Programs builder;
  private final long context;
  private final long queue;
  private long scratch;
  private long scratchBytes;

  /**
   * Opens a device.
   *
   * @param facts of the device
   * @param group work-items of a group: a power of two, at most {@link #WIDE_GROUP}
   * @param cache of built programs
   */
  OpenClGrid(DeviceFacts facts, int group, KernelCache cache) throws ClException {
    this.facts = facts;
    this.group = group;
    context = Cl.createContext(facts.platform(), facts.device());
    try {
      queue = Cl.createQueue(context, facts.device());
    } catch (ClException e) {
      Cl.releaseContext(context);
      throw e;
    }
    builder = new Programs(context, facts, cache, options(facts, group));
  }

  /** No option that gives up a rule of arithmetic: division and roots as exact as they can be. */
  private static String options(DeviceFacts facts, int group) {
    return "-cl-std=CL1.2 -DGROUP="
        + group
        + (facts.isExact() ? " -cl-fp32-correctly-rounded-divide-sqrt" : "");
  }

  /** The size of groups that suits a device. */
  static int groupOf(DeviceFacts facts) {
    return facts.isCpu() ? 1 : (int) Math.min(WIDE_GROUP, Long.highestOneBit(facts.maxGroup()));
  }

  /** Its memory. */
  OpenClSpace space() {
    return new OpenClSpace(context, queue, buffers, facts.isCpu());
  }

  /** The queue that all work goes to. */
  long queue() {
    return queue;
  }

  /** Whether the host's processors do its work. */
  boolean isCpu() {
    return facts.isCpu();
  }

  /** Whether a group is one work-item: a thread of the host. */
  boolean hasSingles() {
    return group == 1;
  }

  /** Bytes of a kernel's arguments at most. */
  long maxParameterBytes() {
    return facts.maxParameterBytes();
  }

  @Override
  public long function(String file, String name) {
    synchronized (functions) {
      Long known = functions.get(name);
      return known != null ? known : function(file + ".cl", Programs.source(file + ".cl"), name);
    }
  }

  /**
   * A kernel of a source that was made here.
   *
   * @param file for messages, the same for the same source
   * @param source whole
   * @param name the kernel's
   */
  long function(String file, String source, String name) {
    synchronized (functions) {
      Long known = functions.get(file + ":" + name);
      if (known != null) {
        return known;
      }
      try {
        Long program = programs.get(file);
        if (program == null) {
          program = builder.build(file, source);
          programs.put(file, program);
        }
        long kernel = Cl.createKernel(program, name);
        kernels.add(new Loaded(kernel, name, Cl.numArgs(kernel)));
        long handle = kernels.size() - 1L;
        functions.put(file + ":" + name, handle);
        functions.put(name, handle);
        return handle;
      } catch (ClException e) {
        throw Failures.unchecked("kernel " + name, e);
      }
    }
  }

  private Loaded loaded(long function) {
    synchronized (functions) {
      return kernels.get((int) function);
    }
  }

  @Override
  public void launch(long function, long x, long y, long z, int threads, int sharedBytes) {
    if (x == 0 || y == 0 || z == 0) {
      return;
    }
    Loaded loaded = loaded(function);
    Params params = launched();
    int addresses = params.addresses();
    // A kernel without an address has nowhere to write: then the struct is another one's.
    boolean shares = addresses > 0 && loaded.args == addresses + 2;
    if (!shares && loaded.args != addresses + 1) {
      throw new IllegalStateException(
          "kernel %s: expected %d addresses in its struct, got %d"
              .formatted(loaded.name, loaded.args - 1, addresses));
    }
    long bytes = params.bytes() + 7 & -8;
    MemorySegment.copy(params.struct(), 0, struct, 0, bytes);
    try {
      for (int i = 0; i < addresses; i++) {
        long at = params.addressAt(i);
        long address = struct.get(ValueLayout.JAVA_LONG, at);
        struct.set(ValueLayout.JAVA_LONG, at, Buffers.offset(address));
        handles.setAtIndex(ValueLayout.JAVA_LONG, i, address == 0 ? 0 : buffers.handle(address));
        Cl.setArg(loaded.kernel, 1 + i, Long.BYTES, handles.address() + (long) Long.BYTES * i);
      }
      Cl.setArg(loaded.kernel, 0, bytes, struct.address());
      if (shares) {
        Cl.setArg(loaded.kernel, 1 + addresses, Math.max(16, sharedBytes), 0);
      }
      sizes.setAtIndex(ValueLayout.JAVA_LONG, 0, x * group);
      sizes.setAtIndex(ValueLayout.JAVA_LONG, 1, y);
      sizes.setAtIndex(ValueLayout.JAVA_LONG, 2, z);
      sizes.setAtIndex(ValueLayout.JAVA_LONG, 3, group);
      sizes.setAtIndex(ValueLayout.JAVA_LONG, 4, 1);
      sizes.setAtIndex(ValueLayout.JAVA_LONG, 5, 1);
      Cl.launch(queue, loaded.kernel, sizes.address(), sizes.address() + 3 * Long.BYTES);
    } catch (ClException e) {
      throw Failures.unchecked(
          "launch of %s, %d x %d x %d groups of %d".formatted(loaded.name, x, y, z, group), e);
    }
  }

  @Override
  public void launchOver(long function, long elements, int threads) {
    if (group > 1) {
      super.launchOver(function, elements, group);
      return;
    }
    // Some more than there are threads, since not all are equally fast.
    long most = 4L * facts.computeUnits();
    long blocks = Math.min(Math.ceilDiv(elements, ELEMENTS_A_THREAD), most);
    launch(function, blocks, 1, 1, threads, 0);
  }

  /**
   * How many results are a group's: one unit's where work-items run in lockstep, else so many that
   * a group is worth what it costs to begin.
   *
   * @param results of the launch
   * @param unit that a group makes at once
   */
  int share(long results, int unit) {
    if (group > 1) {
      return unit;
    }
    long each = Math.ceilDiv(results, (long) GROUPS_A_THREAD * facts.computeUnits());
    return Math.toIntExact(Math.ceilDiv(each, unit) * unit);
  }

  @Override
  public int multiprocessors() {
    return facts.computeUnits();
  }

  /** Local memory of a group, all of it. */
  long localBytes() {
    return facts.localBytes();
  }

  /** Half of what a group may have, since kernels declare some, too. */
  @Override
  public int sharedBytes() {
    return (int) Math.min(48 << 10, facts.localBytes() / 2);
  }

  @Override
  public long own(long bytes) {
    try {
      long address = buffers.add(Cl.createBuffer(context, bytes));
      synchronized (owned) {
        owned.add(address);
      }
      return address;
    } catch (ClException e) {
      throw Failures.unchecked("memory of %d bytes".formatted(bytes), e);
    }
  }

  @Override
  public long scratch(long bytes) {
    if (bytes > scratchBytes) {
      try {
        if (scratch != 0) {
          release(scratch);
          scratch = 0;
          scratchBytes = 0;
        }
        long size = Math.max(MIN_SCRATCH_BYTES, Long.highestOneBit(bytes - 1) << 1);
        scratch = buffers.add(Cl.createBuffer(context, size));
        scratchBytes = size;
      } catch (ClException e) {
        throw Failures.unchecked("scratch of " + bytes + " bytes", e);
      }
    }
    return scratch;
  }

  private void release(long address) throws ClException {
    long handle = buffers.handle(address);
    buffers.remove(address);
    Cl.releaseBuffer(handle);
  }

  @Override
  public void upload(MemorySegment host, long to) {
    try {
      Cl.write(queue, buffers.handle(to), Buffers.offset(to), host);
    } catch (ClException e) {
      throw Failures.unchecked("upload", e);
    }
  }

  @Override
  public void download(long from, MemorySegment host) {
    try {
      Cl.read(queue, buffers.handle(from), Buffers.offset(from), host);
    } catch (ClException e) {
      throw Failures.unchecked("run", e);
    }
  }

  @Override
  public void copy(long from, long to, long bytes) {
    if (bytes == 0) {
      return;
    }
    try {
      Cl.copy(
          queue,
          buffers.handle(from),
          Buffers.offset(from),
          buffers.handle(to),
          Buffers.offset(to),
          bytes);
    } catch (ClException e) {
      throw Failures.unchecked("copy", e);
    }
  }

  @Override
  public void fill(long to, int value, long count) {
    if (count == 0) {
      return;
    }
    long bytes = Integer.BYTES * count;
    try {
      Cl.fill(queue, buffers.handle(to), Buffers.offset(to), bytes, value, Integer.BYTES);
    } catch (ClException e) {
      throw Failures.unchecked("fill", e);
    }
  }

  /** Gives all of it back, once all work has ended. */
  @Override
  public void close() {
    try {
      Cl.finish(queue);
      for (Loaded loaded : kernels) {
        Cl.releaseKernel(loaded.kernel);
      }
      for (long program : programs.values()) {
        Cl.releaseProgram(program);
      }
      for (long address : owned) {
        release(address);
      }
      if (scratch != 0) {
        release(scratch);
      }
      Cl.releaseQueue(queue);
      Cl.releaseContext(context);
    } catch (ClException e) {
      throw Failures.unchecked("close", e);
    } finally {
      arena.close();
    }
  }
}
