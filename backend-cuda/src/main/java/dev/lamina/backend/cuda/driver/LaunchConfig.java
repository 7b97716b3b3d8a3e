package dev.lamina.backend.cuda.driver;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Where, how wide and with which arguments a kernel is launched: one block of host memory, filled
 * anew for each launch, in the layout that the driver reads. Filling and launching allocate
 * nothing.
 *
 * <pre>{@code
 * config.grid(rows, 1, 1).block(128, 1, 1).sharedBytes(0).stream(stream).pdl(true);
 * config.clearArgs().arg(out).arg(in).arg(numColumns).argFloat(eps);
 * driver.launch(kernel, config);
 * }</pre>
 *
 * <p>Settings stay from launch to launch until they are set again. The driver copies everything
 * before {@link Driver#launch} returns, also into a graph that is being captured. Not thread-safe:
 * one for each thread that launches.
 */
public final class LaunchConfig {
  // CUlaunchConfig: seven unsigned ints, a stream, a pointer to attributes and their number.
  private static final long GRID = 0;
  private static final long BLOCK = 12;
  private static final long SHARED_BYTES = 24;
  private static final long STREAM = 32;
  private static final long ATTRIBUTES = 40;
  private static final long NUM_ATTRIBUTES = 48;
  private static final long CONFIG_BYTES = 56;

  // CUlaunchAttribute: an id and, 8 bytes on, a union of 64.
  private static final long ATTRIBUTE_BYTES = 72;
  private static final long ATTRIBUTE_VALUE = 8;
  private static final int PROGRAMMATIC_STREAM_SERIALIZATION = 6;
  private static final int CLUSTER_DIMENSION = 4;
  private static final long PDL = CONFIG_BYTES;
  private static final long CLUSTER = PDL + ATTRIBUTE_BYTES;

  // CUDA_KERNEL_NODE_PARAMS_v2: the function, seven unsigned ints, two arrays, a kernel, a context.
  private static final long NODE = CLUSTER + ATTRIBUTE_BYTES;
  private static final long NODE_GRID = NODE + 8;
  private static final long NODE_PARAMS = NODE + 40;
  private static final long NODE_BYTES = 72;
  private static final long POINTERS = NODE + NODE_BYTES;

  private final MemorySegment memory;
  private final int maxArgs;
  private final long values;
  private int numArgs;
  private boolean pdl;
  private boolean cluster;

  /**
   * Allocates the block.
   *
   * @param arena owns it; the config must not be used after it is closed
   * @param maxArgs most arguments of a kernel
   */
  public LaunchConfig(Arena arena, int maxArgs) {
    this.maxArgs = maxArgs;
    this.values = POINTERS + 8L * maxArgs;
    this.memory = arena.allocate(values + 8L * maxArgs, 16);
    memory.set(ValueLayout.JAVA_LONG, ATTRIBUTES, memory.address() + PDL);
    memory.set(ValueLayout.JAVA_INT, PDL, PROGRAMMATIC_STREAM_SERIALIZATION);
    memory.set(ValueLayout.JAVA_INT, CLUSTER, CLUSTER_DIMENSION);
    memory.set(ValueLayout.JAVA_LONG, NODE_PARAMS, memory.address() + POINTERS);
    grid(1, 1, 1);
    block(1, 1, 1);
  }

  /**
   * Sets the number of thread blocks.
   *
   * @param x 1 to 2^31 - 1
   * @param y 1 to 65535
   * @param z 1 to 65535
   * @return this
   */
  public LaunchConfig grid(int x, int y, int z) {
    put(GRID, x, y, z);
    return this;
  }

  /**
   * Sets the number of threads of a block.
   *
   * @param x at least 1
   * @param y at least 1
   * @param z at least 1
   * @return this
   */
  public LaunchConfig block(int x, int y, int z) {
    put(BLOCK, x, y, z);
    return this;
  }

  /**
   * Sets the dynamic shared memory of a block. More than 48 KiB must be allowed first by {@link
   * FunctionAttribute#MAX_DYNAMIC_SHARED_SIZE_BYTES}.
   *
   * @param bytes 0 for none
   * @return this
   */
  public LaunchConfig sharedBytes(int bytes) {
    memory.set(ValueLayout.JAVA_INT, SHARED_BYTES, bytes);
    return this;
  }

  /**
   * Sets the stream.
   *
   * @param stream a handle, 0 for the default stream
   * @return this
   */
  public LaunchConfig stream(long stream) {
    memory.set(ValueLayout.JAVA_LONG, STREAM, stream);
    return this;
  }

  /**
   * Allows programmatic dependent launch: the kernel may start before the one ahead of it in the
   * stream ends, and must wait ({@code griddepcontrol.wait}) before it reads that one's results.
   *
   * @param allowed false at first; ignored where {@link Driver#hasLaunchAttributes} says no
   * @return this
   */
  public LaunchConfig pdl(boolean allowed) {
    pdl = allowed;
    memory.set(ValueLayout.JAVA_INT, PDL + ATTRIBUTE_VALUE, allowed ? 1 : 0);
    putNumAttributes();
    return this;
  }

  /**
   * Launches in clusters of thread blocks.
   *
   * @param x thread blocks of a cluster, which divide the grid's; 0 for no clusters
   * @param y the same
   * @param z the same
   * @return this
   */
  public LaunchConfig cluster(int x, int y, int z) {
    cluster = x > 0;
    put(CLUSTER + ATTRIBUTE_VALUE, x, y, z);
    putNumAttributes();
    return this;
  }

  /**
   * Forgets the arguments.
   *
   * @return this
   */
  public LaunchConfig clearArgs() {
    numArgs = 0;
    return this;
  }

  /**
   * Adds an integer or an address. Eight bytes are written, of which the kernel reads the low ones
   * that its parameter has: any C integer type and any pointer.
   *
   * @param value the argument
   * @return this
   */
  public LaunchConfig arg(long value) {
    long slot = values + 8L * numArgs;
    pointTo(memory.address() + slot);
    memory.set(ValueLayout.JAVA_LONG, slot, value);
    return this;
  }

  /**
   * Adds a {@code float}.
   *
   * @param value the argument
   * @return this
   */
  public LaunchConfig argFloat(float value) {
    return arg(Float.floatToRawIntBits(value));
  }

  /**
   * Adds a struct by value, such as a tensor map.
   *
   * @param struct host memory in the struct's layout and alignment, unchanged until the launch
   * @return this
   */
  public LaunchConfig argStruct(MemorySegment struct) {
    if (!struct.isNative()) {
      throw new IllegalArgumentException(
          "kernel argument %d: expected host memory outside of the Java heap, got %s"
              .formatted(numArgs, struct));
    }
    return pointTo(struct.address());
  }

  private LaunchConfig pointTo(long address) {
    if (numArgs == maxArgs) {
      throw new IllegalArgumentException(
          "kernel argument %d: expected at most %d; make the LaunchConfig larger"
              .formatted(numArgs, maxArgs));
    }
    memory.set(ValueLayout.JAVA_LONG, POINTERS + 8L * numArgs, address);
    numArgs++;
    return this;
  }

  private void put(long offset, int x, int y, int z) {
    memory.set(ValueLayout.JAVA_INT, offset, x);
    memory.set(ValueLayout.JAVA_INT, offset + 4, y);
    memory.set(ValueLayout.JAVA_INT, offset + 8, z);
  }

  private void putNumAttributes() {
    memory.set(ValueLayout.JAVA_INT, NUM_ATTRIBUTES, cluster ? 2 : pdl ? 1 : 0);
  }

  /**
   * The {@code CUlaunchConfig}.
   *
   * @return its address
   */
  long config() {
    return memory.address();
  }

  /**
   * Thread blocks along an axis.
   *
   * @param axis 0 to 2 for x to z
   * @return as {@link #grid(int, int, int)} set it
   */
  public int gridDim(int axis) {
    return memory.get(ValueLayout.JAVA_INT, GRID + 4L * axis);
  }

  /**
   * Threads of a block along an axis.
   *
   * @param axis 0 to 2 for x to z
   * @return as {@link #block(int, int, int)} set it
   */
  public int blockDim(int axis) {
    return memory.get(ValueLayout.JAVA_INT, BLOCK + 4L * axis);
  }

  /**
   * Dynamic shared memory of a block.
   *
   * @return bytes
   */
  public int sharedBytes() {
    return memory.get(ValueLayout.JAVA_INT, SHARED_BYTES);
  }

  /**
   * Where the kernel is launched.
   *
   * @return the stream's handle, 0 for the default stream
   */
  public long stream() {
    return memory.get(ValueLayout.JAVA_LONG, STREAM);
  }

  /**
   * Whether the launch is in clusters of thread blocks.
   *
   * @return true after {@link #cluster} with sizes of 1 or more
   */
  public boolean hasClusters() {
    return cluster;
  }

  /**
   * The array of pointers to the arguments, as the driver reads it.
   *
   * @return its address, valid while this is reachable
   */
  public long pointers() {
    return memory.address() + POINTERS;
  }

  /**
   * The same launch as the {@code CUDA_KERNEL_NODE_PARAMS_v2} of a graph's node.
   *
   * @param function the kernel
   * @return its address
   */
  long nodeParams(long function) {
    memory.set(ValueLayout.JAVA_LONG, NODE, function);
    MemorySegment.copy(memory, GRID, memory, NODE_GRID, SHARED_BYTES + 4);
    return memory.address() + NODE;
  }

  @Override
  public String toString() {
    return "grid %d x %d x %d, block %d x %d x %d, %d bytes shared, %d arguments"
        .formatted(
            gridDim(0),
            gridDim(1),
            gridDim(2),
            blockDim(0),
            blockDim(1),
            blockDim(2),
            sharedBytes(),
            numArgs);
  }
}
