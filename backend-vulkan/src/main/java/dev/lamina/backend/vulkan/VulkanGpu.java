package dev.lamina.backend.vulkan;

import dev.lamina.backend.sdk.BackendFailure;
import dev.lamina.backend.sdk.grid.GridDevice;
import dev.lamina.backend.sdk.grid.Params;
import dev.lamina.backend.vulkan.CommandStream.Recording;
import dev.lamina.backend.vulkan.DeviceMemory.Place;
import dev.lamina.backend.vulkan.DeviceMemory.Range;
import java.lang.foreign.MemorySegment;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * One device that is open: its memory, its kernels and its order of work. Thread-safe; what one
 * thread launches comes in its order.
 */
final class VulkanGpu extends GridDevice implements AutoCloseable {
  /** What kernels with shared memory of a launch's size declare beside it, at most. */
  private static final int OWN_SHARED_BYTES = 4 << 10;

  private static final long MIN_SCRATCH_BYTES = 1 << 20;

  /**
   * Vulkan tells no number of compute units: so many fill the large ones, and do no harm on others.
   * On lavapipe a thread that takes more than 65535 turns of its loops just ends them, so threads
   * are to be many there, too.
   */
  private static final int MULTIPROCESSORS = 128;

  private final OpenedDevice opened;
  private final DeviceFacts facts;
  private final DeviceMemory memory;
  private final Pipelines pipelines;
  private final CommandStream stream;
  private @Nullable Range scratch;
  private long scratchGeneration;

  /**
   * Opens a device.
   *
   * @param facts of a device that lacks nothing
   * @throws BackendFailure if the driver refuses
   */
  VulkanGpu(DeviceFacts facts) {
    this.facts = facts;
    this.opened = OpenedDevice.open(facts);
    try {
      this.memory = new DeviceMemory(opened.device(), facts);
      this.pipelines = new Pipelines(opened.device(), facts);
      this.stream = new CommandStream(opened, facts, memory, pipelines);
    } catch (BackendFailure e) {
      opened.close();
      throw e;
    }
  }

  DeviceFacts facts() {
    return facts;
  }

  private <T> T locked(Supplier<T> work) {
    opened.lock.lock();
    try {
      opened.checkOpen();
      return work.get();
    } finally {
      opened.lock.unlock();
    }
  }

  private void locked(Runnable work) {
    locked(() -> {
      work.run();
      return null;
    });
  }

  @Override
  public long function(String file, String name) {
    return locked(() -> (long) pipelines.kernel(file, name));
  }

  @Override
  public void launch(long function, long x, long y, long z, int threads, int sharedBytes) {
    if (x == 0 || y == 0 || z == 0) {
      return;
    }
    Params struct = launched();
    opened.lock.lock();
    try {
      opened.checkOpen();
      stream.launch((int) function, struct.struct(), struct.bytes(), x, y, z, sharedBytes);
    } finally {
      opened.lock.unlock();
    }
  }

  @Override
  public int multiprocessors() {
    return MULTIPROCESSORS;
  }

  @Override
  public int sharedBytes() {
    return facts.sharedBytes() - OWN_SHARED_BYTES;
  }

  @Override
  public long own(long bytes) {
    return take(bytes, Place.DEVICE, "memory of kernels").address();
  }

  @Override
  public long scratch(long bytes) {
    if (scratch == null || bytes > scratch.bytes()) {
      if (stream.isCapturing()) {
        throw new IllegalStateException(
            "scratch: expected at most the bytes of earlier runs in a capture, got " + bytes);
      }
      if (scratch != null) {
        give(scratch);
        scratch = null;
      }
      scratchGeneration++;
      long size = Math.max(MIN_SCRATCH_BYTES, Long.highestOneBit(bytes - 1) << 1);
      scratch = take(size, Place.DEVICE, "scratch");
    }
    return scratch.address();
  }

  /** Changes when scratch moves, so that launches made before point to freed memory. */
  long scratchGeneration() {
    return scratchGeneration;
  }

  @Override
  public void upload(MemorySegment host, long to) {
    for (long at = 0; at < host.byteSize(); at += CommandStream.SMALL_BYTES) {
      long n = Math.min(CommandStream.SMALL_BYTES, host.byteSize() - at);
      uploadSmall(host.asSlice(at, n), to + at);
    }
    finishAll();
  }

  @Override
  public void download(long from, MemorySegment host) {
    locked(() -> notCapturing("download"));
    Range room = take(host.byteSize(), Place.HOST, "download");
    try {
      copy(from, room.address(), host.byteSize());
      finishAll();
      host.copyFrom(room.visible().asSlice(0, host.byteSize()));
    } finally {
      give(room);
    }
  }

  private void notCapturing(String what) {
    if (stream.isCapturing()) {
      throw new IllegalStateException(what + ": expected none while a run is captured");
    }
  }

  @Override
  public void fill(long to, int value, long count) {
    if (count > 0) {
      fillWords(to, 4 * count, value);
    }
  }

  /** Takes memory, whose bytes are anything. */
  Range take(long bytes, Place place, String what) {
    return locked(() -> memory.take(bytes, place, what));
  }

  /** Gives memory back, once the device is done with all that was launched. */
  void give(Range range) {
    long last = submit();
    stream.await(last);
    locked(() -> memory.give(range));
  }

  /** Fills words, in the order of work. */
  void fillWords(long to, long bytes, int word) {
    locked(() -> stream.fillWords(to, bytes, word));
  }

  @Override
  public void copy(long from, long to, long bytes) {
    if (bytes > 0) {
      locked(() -> stream.copy(from, to, bytes));
    }
  }

  /** Copies from the host in the order of work, at most {@link CommandStream#SMALL_BYTES}. */
  void uploadSmall(MemorySegment host, long to) {
    locked(() -> stream.uploadSmall(host, to));
  }

  /** Submits what was recorded; gives the value of the timeline when it is done. */
  long submit() {
    return locked(stream::submit);
  }

  /** Whether work up to a value of the timeline is done. */
  boolean isReached(long value) {
    return stream.isReached(value);
  }

  /** Waits for work up to a value of the timeline. */
  void await(long value) {
    stream.await(value);
  }

  /** Waits for all that was launched. */
  void finishAll() {
    stream.await(submit());
  }

  Recording capture(Runnable launches) {
    return locked(() -> stream.capture(launches));
  }

  void replay(Recording captured) {
    locked(() -> stream.replay(captured));
  }

  void free(Recording captured) {
    locked(() -> stream.free(captured));
  }

  /** Whether the host sees device memory. */
  boolean deviceIsVisible() {
    return memory.deviceIsVisible();
  }

  @Override
  public void close() {
    opened.close(() -> {
      stream.close();
      pipelines.close();
      memory.close();
    });
  }
}
