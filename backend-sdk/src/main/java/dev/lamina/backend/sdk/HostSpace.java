package dev.lamina.backend.sdk;

import dev.lamina.spi.MemoryKind;
import dev.lamina.spi.OutOfDeviceMemory;
import dev.lamina.spi.ir.DType;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/** The host's memory: everything in it is used where it lies. */
final class HostSpace implements MemorySpace {
  static final HostSpace INSTANCE = new HostSpace();

  private HostSpace() {}

  private record Adopted(MemorySegment segment) implements Block {
    @Override
    public Optional<MemorySegment> host() {
      return Optional.of(segment);
    }

    @Override
    public boolean isShared() {
      return true;
    }

    @Override
    public void close() {}
  }

  @Override
  public Block allocate(long bytes, MemoryKind kind, String what) throws OutOfDeviceMemory {
    return NativeMemory.allocate(bytes, what);
  }

  @Override
  public Block adopt(MemorySegment data, boolean writable, String what) {
    return new Adopted(data);
  }

  @Override
  public void upload(MemorySegment host, MemorySegment to) {
    to.copyFrom(host);
  }

  @Override
  public void download(MemorySegment from, MemorySegment host) {
    host.copyFrom(from);
  }

  @Override
  public void copy(MemorySegment from, MemorySegment to) {
    to.copyFrom(from);
  }

  @Override
  public void fill(MemorySegment to, long pattern, int width) {
    DType raw =
        switch (width) {
          case 1 -> DType.U8;
          case 2 -> DType.U16;
          case 4 -> DType.U32;
          default -> DType.I64;
        };
    for (long at = 0; at < to.byteSize(); at += width) {
      Elements.setLong(raw, to, at, pattern);
    }
  }
}
