package dev.lamina.backend.opencl;

import dev.lamina.backend.opencl.cl.Cl;
import dev.lamina.backend.opencl.cl.ClException;
import dev.lamina.backend.sdk.MemorySpace;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.MemoryKind;
import dev.lamina.spi.OutOfDeviceMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * A device's buffers. Those of the host, and all where the device is the host's own CPU, lie in its
 * memory: it sees in place what was copied there.
 */
final class OpenClSpace implements MemorySpace {
  /** Memory of the host that a device uses in place begins at a page. */
  private static final long HOST_ALIGNMENT = 4096;

  private final long context;
  private final long queue;
  private final Buffers buffers;
  private final boolean inPlace;

  /**
   * The buffers of a device.
   *
   * @param inPlace whether the device computes in the host's memory
   */
  OpenClSpace(long context, long queue, Buffers buffers, boolean inPlace) {
    this.inPlace = inPlace;
    this.context = context;
    this.queue = queue;
    this.buffers = buffers;
  }

  private record Range(OpenClSpace space, MemorySegment segment) implements Block {
    @Override
    public Optional<MemorySegment> host() {
      return Optional.empty();
    }

    @Override
    public boolean isShared() {
      return false;
    }

    @Override
    public void close() {
      if (segment.byteSize() > 0) {
        space.free(segment.address());
      }
    }
  }

  /** A buffer in memory of the host. */
  private final class HostRange implements Block {
    private final Arena arena = Arena.ofShared();
    private final long memory;
    private final MemorySegment host;
    private final MemorySegment segment;

    @SuppressWarnings("restricted")
    HostRange(long bytes) throws ClException {
      long room = Math.max(1, bytes);
      memory = Cl.hostMemory(room + HOST_ALIGNMENT);
      long start = memory + HOST_ALIGNMENT - 1 & -HOST_ALIGNMENT;
      try {
        segment = range(buffers.add(Cl.createBuffer(context, start, room)), bytes);
        host = MemorySegment.ofAddress(start).reinterpret(bytes, arena, null);
      } catch (ClException e) {
        Cl.freeHostMemory(memory);
        throw e;
      }
    }

    @Override
    public MemorySegment segment() {
      return segment;
    }

    @Override
    public Optional<MemorySegment> host() {
      return Optional.of(host);
    }

    @Override
    public boolean isShared() {
      return false;
    }

    @Override
    public void close() {
      arena.close();
      free(segment.address());
      try {
        // What is queued may still read or write there.
        Cl.finish(queue);
      } catch (ClException e) {
        throw Failures.unchecked("free", e);
      } finally {
        Cl.freeHostMemory(memory);
      }
    }
  }

  private void free(long address) {
    try {
      long handle = buffers.handle(address);
      buffers.remove(address);
      Cl.releaseBuffer(handle);
    } catch (ClException e) {
      throw Failures.unchecked("free", e);
    }
  }

  /** Addresses; Java must not touch a buffer's. */
  @SuppressWarnings("restricted")
  private static MemorySegment range(long address, long bytes) {
    return MemorySegment.ofAddress(address).reinterpret(bytes);
  }

  private Block taken(long bytes) throws ClException {
    long address = bytes == 0 ? 0 : buffers.add(Cl.createBuffer(context, bytes));
    return new Range(this, range(address, bytes));
  }

  @Override
  public Block allocate(long bytes, MemoryKind kind, String what) throws OutOfDeviceMemory {
    try {
      if (inPlace || kind != MemoryKind.DEVICE) {
        return new HostRange(bytes);
      }
      Block block = taken(bytes);
      try {
        fillBytes(block.segment(), 0, 1);
      } catch (ClException e) {
        // Drivers may find out late that there is no room.
        block.close();
        throw e;
      }
      return block;
    } catch (ClException e) {
      if (Failures.of(what, e) instanceof OutOfDeviceMemory full) {
        throw full;
      }
      throw Failures.unchecked(what, e);
    }
  }

  @Override
  public Block adopt(MemorySegment data, boolean writable, String what) throws BackendException {
    try {
      Block block = taken(data.byteSize());
      try {
        write(data, block.segment());
      } catch (ClException e) {
        block.close();
        throw e;
      }
      return block;
    } catch (ClException e) {
      throw Failures.of(what, e);
    }
  }

  private void write(MemorySegment host, MemorySegment to) throws ClException {
    if (host.byteSize() == 0) {
      return;
    }
    long at = to.address();
    if (host.isNative()) {
      Cl.write(queue, buffers.handle(at), Buffers.offset(at), host);
      return;
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment copy = arena.allocate(host.byteSize()).copyFrom(host);
      Cl.write(queue, buffers.handle(at), Buffers.offset(at), copy);
    }
  }

  @Override
  public void upload(MemorySegment host, MemorySegment to) {
    try {
      write(host, to);
    } catch (ClException e) {
      throw Failures.unchecked("upload", e);
    }
  }

  @Override
  public void download(MemorySegment from, MemorySegment host) {
    if (host.byteSize() == 0) {
      return;
    }
    try (Arena arena = Arena.ofConfined()) {
      long at = from.address();
      MemorySegment to = host.isNative() ? host : arena.allocate(host.byteSize());
      Cl.read(queue, buffers.handle(at), Buffers.offset(at), to);
      if (!host.isNative()) {
        host.copyFrom(to);
      }
    } catch (ClException e) {
      throw Failures.unchecked("download", e);
    }
  }

  @Override
  public void copy(MemorySegment from, MemorySegment to) {
    if (from.byteSize() == 0) {
      return;
    }
    long f = from.address();
    long t = to.address();
    try {
      Cl.copy(
          queue,
          buffers.handle(f),
          Buffers.offset(f),
          buffers.handle(t),
          Buffers.offset(t),
          from.byteSize());
    } catch (ClException e) {
      throw Failures.unchecked("copy", e);
    }
  }

  @Override
  public void fill(MemorySegment to, long pattern, int width) {
    try {
      fillBytes(to, pattern, width);
    } catch (ClException e) {
      throw Failures.unchecked("fill", e);
    }
  }

  private void fillBytes(MemorySegment to, long pattern, int width) throws ClException {
    if (to.byteSize() > 0) {
      long at = to.address();
      Cl.fill(queue, buffers.handle(at), Buffers.offset(at), to.byteSize(), pattern, width);
    }
  }
}
