package dev.lamina.backend.cuda.gpu;

import dev.lamina.backend.cuda.driver.CudaException;
import dev.lamina.backend.cuda.driver.Driver;
import dev.lamina.backend.sdk.MemorySpace;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.MemoryKind;
import dev.lamina.spi.OutOfDeviceMemory;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/** A GPU's memory, and pinned memory of the host that it addresses too. */
public final class GpuSpace implements MemorySpace {
  private final Gpu gpu;
  private final Driver driver;
  private final long fill;
  private final Staging staging;

  /**
   * The memory of a GPU.
   *
   * @param gpu open, and longer so than this
   * @throws CudaException if there is no pinned memory for copies
   */
  public GpuSpace(Gpu gpu) throws CudaException {
    this.gpu = gpu;
    this.driver = gpu.driver();
    this.fill = gpu.function("move", "fill");
    this.staging = new Staging(gpu);
  }

  /** Device memory. */
  private record DeviceBlock(GpuSpace space, MemorySegment segment) implements Block {
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
      if (segment.byteSize() == 0) {
        return;
      }
      try {
        space.gpu.use();
        space.driver.memFree(segment.address());
      } catch (CudaException e) {
        throw Failures.unchecked("free", e);
      }
    }
  }

  /** Pinned memory of the host. */
  private record PinnedBlock(GpuSpace space, MemorySegment segment, MemorySegment memory)
      implements Block {
    @Override
    public Optional<MemorySegment> host() {
      return Optional.of(memory.asSlice(0, segment.byteSize()));
    }

    @Override
    public boolean isShared() {
      return false;
    }

    @Override
    public void close() {
      try {
        space.gpu.use();
        space.driver.memFreeHost(memory);
      } catch (CudaException e) {
        throw Failures.unchecked("free", e);
      }
    }
  }

  /** An address range of the device, which Java must not touch. */
  @SuppressWarnings("restricted")
  private static MemorySegment range(long address, long bytes) {
    return MemorySegment.ofAddress(address).reinterpret(bytes);
  }

  @Override
  public Block allocate(long bytes, MemoryKind kind, String what) throws OutOfDeviceMemory {
    gpu.use();
    try {
      if (kind != MemoryKind.DEVICE) {
        int flags = Driver.HOST_PORTABLE | Driver.HOST_DEVICEMAP;
        MemorySegment memory = driver.memHostAlloc(Math.max(1, bytes), flags);
        memory.fill((byte) 0);
        return new PinnedBlock(this, range(driver.memHostGetDevicePointer(memory), bytes), memory);
      }
      return zeroed(bytes);
    } catch (CudaException e) {
      if (Failures.of(what, e) instanceof OutOfDeviceMemory full) {
        throw full;
      }
      throw Failures.unchecked(what, e);
    }
  }

  private Block zeroed(long bytes) throws CudaException {
    Block block = taken(bytes);
    if (bytes > 0) {
      driver.memsetD8Async(block.segment().address(), (byte) 0, bytes, gpu.memoryStream());
    }
    return block;
  }

  private Block taken(long bytes) throws CudaException {
    long address = bytes == 0 ? 0 : driver.memAlloc(bytes);
    return new DeviceBlock(this, range(address, bytes));
  }

  @Override
  public Block adopt(MemorySegment data, boolean writable, String what) throws BackendException {
    gpu.use();
    try {
      Block block = taken(data.byteSize());
      try {
        staging.copyIn(data, block.segment().address());
      } catch (CudaException e) {
        block.close();
        throw e;
      }
      return block;
    } catch (CudaException e) {
      throw Failures.of(what, e);
    }
  }

  @Override
  public void upload(MemorySegment host, MemorySegment to) {
    gpu.use();
    try {
      staging.copyIn(host, to.address());
    } catch (CudaException e) {
      throw Failures.unchecked("upload", e);
    }
  }

  @Override
  public void download(MemorySegment from, MemorySegment host) {
    gpu.use();
    if (host.byteSize() == 0) {
      return;
    }
    try {
      if (host.isNative()) {
        // Pageable memory is filled when the call returns, pinned memory in the order of work.
        driver.memcpyDtoHAsync(host, from.address(), gpu.memoryStream());
      } else {
        staging.copyOut(from.address(), host);
      }
    } catch (CudaException e) {
      throw Failures.unchecked("download", e);
    }
  }

  @Override
  public void copy(MemorySegment from, MemorySegment to) {
    gpu.use();
    if (from.byteSize() == 0) {
      return;
    }
    try {
      driver.memcpyDtoDAsync(to.address(), from.address(), from.byteSize(), gpu.memoryStream());
    } catch (CudaException e) {
      throw Failures.unchecked("copy", e);
    }
  }

  @Override
  public void fill(MemorySegment to, long pattern, int width) {
    gpu.use();
    long n = to.byteSize() / width;
    if (n == 0) {
      return;
    }
    if (width == 1) {
      fillBytes(to, (byte) pattern);
    } else {
      gpu.params().address(to.address()).i64(pattern).i64(n).i32(width);
      gpu.launchOver(fill, n, 256);
    }
  }

  private void fillBytes(MemorySegment to, byte value) {
    try {
      driver.memsetD8Async(to.address(), value, to.byteSize(), gpu.memoryStream());
    } catch (CudaException e) {
      throw Failures.unchecked("fill", e);
    }
  }

  /** Gives the pinned memory back. */
  public void close() {
    staging.close();
  }
}
