package dev.lamina.backend.rocm.gpu;

import dev.lamina.backend.rocm.driver.Failures;
import dev.lamina.backend.rocm.driver.Hip;
import dev.lamina.backend.rocm.driver.HipException;
import dev.lamina.backend.sdk.MemorySpace;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.MemoryKind;
import dev.lamina.spi.OutOfDeviceMemory;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A GPU's memory, and pinned memory of the host that it addresses too. */
public final class HipSpace implements MemorySpace {
  private static final int FILL_THREADS = 256;

  private final HipGpu gpu;
  private final Hip hip;
  private final long fill;

  /**
   * The memory of a GPU.
   *
   * @param gpu open, and longer so than this
   */
  public HipSpace(HipGpu gpu) {
    this.gpu = gpu;
    this.hip = gpu.hip();
    this.fill = gpu.function("move", "fill");
  }

  /**
   * Memory of the device, or of the host where it is pinned.
   *
   * @param pinned as the host sees it, or null
   */
  private record HipBlock(HipSpace space, MemorySegment segment, @Nullable MemorySegment pinned)
      implements Block {
    @Override
    public Optional<MemorySegment> host() {
      return Optional.ofNullable(pinned).map(p -> p.asSlice(0, segment.byteSize()));
    }

    @Override
    public boolean isShared() {
      return false;
    }

    @Override
    public void close() {
      space.gpu.use();
      try {
        if (pinned != null) {
          space.hip.hostFree(pinned);
        } else if (segment.byteSize() > 0) {
          space.hip.free(segment.address());
        }
      } catch (HipException e) {
        throw Failures.unchecked("free", e);
      }
    }
  }

  /** An address range of the device, which Java must not touch. */
  @SuppressWarnings("restricted")
  private static MemorySegment range(long address, long bytes) {
    return MemorySegment.ofAddress(address).reinterpret(bytes);
  }

  private HipBlock taken(long bytes) throws HipException {
    return new HipBlock(this, range(bytes == 0 ? 0 : hip.malloc(bytes), bytes), null);
  }

  @Override
  public Block allocate(long bytes, MemoryKind kind, String what) throws OutOfDeviceMemory {
    gpu.use();
    try {
      if (kind != MemoryKind.DEVICE) {
        MemorySegment memory = hip.hostMalloc(Math.max(1, bytes));
        memory.fill((byte) 0);
        return new HipBlock(this, range(hip.hostDevicePointer(memory), bytes), memory);
      }
      HipBlock block = taken(bytes);
      if (bytes > 0) {
        hip.fillAsync(block.segment.address(), (byte) 0, bytes, gpu.stream());
      }
      return block;
    } catch (HipException e) {
      if (Failures.of(what, e) instanceof OutOfDeviceMemory full) {
        throw full;
      }
      throw Failures.unchecked(what, e);
    }
  }

  @Override
  public Block adopt(MemorySegment data, boolean writable, String what) throws BackendException {
    gpu.use();
    try {
      HipBlock block = taken(data.byteSize());
      try {
        gpu.stage(data, block.segment.address());
      } catch (HipException e) {
        block.close();
        throw e;
      }
      return block;
    } catch (HipException e) {
      throw Failures.of(what, e);
    }
  }

  @Override
  public void upload(MemorySegment host, MemorySegment to) {
    gpu.use();
    try {
      gpu.stage(host, to.address());
    } catch (HipException e) {
      throw Failures.unchecked("upload", e);
    }
  }

  @Override
  public void download(MemorySegment from, MemorySegment host) {
    if (host.byteSize() > 0) {
      gpu.download(from.address(), host);
    }
  }

  @Override
  public void copy(MemorySegment from, MemorySegment to) {
    gpu.use();
    gpu.copy(from.address(), to.address(), from.byteSize());
  }

  @Override
  public void fill(MemorySegment to, long pattern, int width) {
    gpu.use();
    long n = to.byteSize() / width;
    if (n == 0) {
      return;
    }
    if (width > 1) {
      gpu.params().address(to.address()).i64(pattern).i64(n).i32(width);
      gpu.launchOver(fill, n, FILL_THREADS);
      return;
    }
    try {
      hip.fillAsync(to.address(), (byte) pattern, n, gpu.stream());
    } catch (HipException e) {
      throw Failures.unchecked("fill", e);
    }
  }
}
