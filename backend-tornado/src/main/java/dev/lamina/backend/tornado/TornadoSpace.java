package dev.lamina.backend.tornado;

import dev.lamina.backend.sdk.BackendFailure;
import dev.lamina.backend.sdk.MemorySpace;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.MemoryKind;
import dev.lamina.spi.OutOfDeviceMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;

/**
 * The memory of a TornadoVM device: device and shared memory are ranges of its heap, pinned memory
 * is the host's, which kernels do not address.
 */
final class TornadoSpace implements MemorySpace {
  private final TornadoDevice device;

  TornadoSpace(TornadoDevice device) {
    this.device = device;
  }

  private record HeapBlock(TornadoDevice device, MemorySegment segment) implements Block {
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
        device.heap().give(segment.address());
      }
    }
  }

  private record HostBlock(Arena arena, MemorySegment segment) implements Block {
    @Override
    public Optional<MemorySegment> host() {
      return Optional.of(segment);
    }

    @Override
    public boolean isShared() {
      return false;
    }

    @Override
    public void close() {
      arena.close();
    }
  }

  /** An address range of the device, which Java must not touch. */
  @SuppressWarnings("restricted")
  private static MemorySegment range(long address, long bytes) {
    return MemorySegment.ofAddress(address).reinterpret(bytes);
  }

  /** Whether a range is the host's: a heap ends below what a process has mapped. */
  private boolean isHost(MemorySegment range) {
    return range.address() >= TornadoMemory.MAX_BYTES;
  }

  private Block take(long bytes, String what) throws OutOfDeviceMemory {
    try {
      return new HeapBlock(device, range(bytes == 0 ? 0 : device.heap().take(bytes, what), bytes));
    } catch (BackendFailure e) {
      if (e.failure() instanceof OutOfDeviceMemory full) {
        throw full;
      }
      throw e;
    }
  }

  @SuppressWarnings("MustBeClosed")
  @Override
  public Block allocate(long bytes, MemoryKind kind, String what) throws OutOfDeviceMemory {
    if (kind == MemoryKind.PINNED_HOST) {
      Arena arena = Arena.ofShared();
      return new HostBlock(arena, arena.allocate(bytes, Heap.ALIGNMENT));
    }
    Block block = take(bytes, what);
    // Up to the next word, which is this block's too.
    device.fill(block.segment().address(), 0, (bytes + 3) / 4);
    return block;
  }

  @Override
  public Block adopt(MemorySegment data, boolean writable, String what) throws BackendException {
    Block block = take(data.byteSize(), what);
    device.upload(data, block.segment().address());
    return block;
  }

  @Override
  public void upload(MemorySegment host, MemorySegment to) {
    if (isHost(to)) {
      to.copyFrom(host);
    } else {
      device.upload(host, to.address());
    }
  }

  @Override
  public void download(MemorySegment from, MemorySegment host) {
    if (isHost(from)) {
      host.copyFrom(from);
    } else {
      device.download(from.address(), host);
    }
  }

  @Override
  public void copy(MemorySegment from, MemorySegment to) {
    if (isHost(from)) {
      upload(from, to);
    } else if (isHost(to)) {
      download(from, to);
    } else {
      device.copy(from.address(), to.address(), from.byteSize());
    }
  }

  @Override
  public void fill(MemorySegment to, long pattern, int width) {
    if (isHost(to)) {
      for (long at = 0; at < to.byteSize(); at++) {
        to.set(ValueLayout.JAVA_BYTE, at, (byte) (pattern >>> 8 * (at % width)));
      }
    } else {
      device.fill(to.address(), pattern, to.byteSize() / width, width);
    }
  }
}
