package dev.lamina.backend.vulkan;

import dev.lamina.backend.sdk.BackendFailure;
import dev.lamina.backend.sdk.MemorySpace;
import dev.lamina.backend.vulkan.DeviceMemory.Place;
import dev.lamina.backend.vulkan.DeviceMemory.Range;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.MemoryKind;
import dev.lamina.spi.OutOfDeviceMemory;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * A device's memory. What is larger than a command buffer carries goes through one piece of staging
 * memory; where the host sees the device's memory, new ranges are written in place.
 */
final class VulkanSpace implements MemorySpace {
  /** Bytes of a copy through staging memory. */
  private static final long PIECE = 16 << 20;

  private final VulkanGpu gpu;
  private final long fill;
  private final Object stagingLock = new Object();
  private final Range staging;

  /**
   * The memory of a device.
   *
   * @param gpu open, and longer so than this
   * @throws BackendFailure if there is no memory for copies
   */
  VulkanSpace(VulkanGpu gpu) {
    this.gpu = gpu;
    this.fill = gpu.function("move", "fill");
    this.staging = gpu.take(PIECE, Place.HOST, "staging memory");
  }

  /** A range of the device's or the host's. */
  private record OwnBlock(VulkanSpace space, Range range, long bytes, boolean isHost)
      implements Block {
    @Override
    public MemorySegment segment() {
      return VulkanSpace.range(range.address(), bytes);
    }

    @Override
    public Optional<MemorySegment> host() {
      return isHost ? Optional.of(range.visible().asSlice(0, bytes)) : Optional.empty();
    }

    @Override
    public boolean isShared() {
      return false;
    }

    @Override
    public void close() {
      space.gpu.give(range);
    }
  }

  /** An address range of the device, which Java must not touch. */
  @SuppressWarnings("restricted")
  private static MemorySegment range(long address, long bytes) {
    return MemorySegment.ofAddress(address).reinterpret(bytes);
  }

  private Block taken(long bytes, boolean isHost, String what) throws OutOfDeviceMemory {
    try {
      Range range = gpu.take(bytes, isHost ? Place.HOST : Place.DEVICE, what);
      return new OwnBlock(this, range, bytes, isHost);
    } catch (BackendFailure e) {
      if (e.failure() instanceof OutOfDeviceMemory full) {
        throw full;
      }
      throw e;
    }
  }

  @Override
  public Block allocate(long bytes, MemoryKind kind, String what) throws OutOfDeviceMemory {
    boolean isHost = kind != MemoryKind.DEVICE;
    OwnBlock block = (OwnBlock) taken(bytes, isHost, what);
    gpu.fillWords(block.range.address(), block.range.bytes(), 0);
    if (isHost) {
      gpu.finishAll();
    }
    return block;
  }

  @Override
  public Block adopt(MemorySegment data, boolean writable, String what) throws BackendException {
    OwnBlock block = (OwnBlock) taken(data.byteSize(), false, what);
    try {
      MemorySegment visible = block.range.host();
      if (visible != null) {
        visible.copyFrom(data);
      } else {
        copyIn(data, block.range.address());
      }
      return block;
    } catch (BackendFailure e) {
      block.close();
      throw e.failure();
    }
  }

  @Override
  public void upload(MemorySegment host, MemorySegment to) {
    copyIn(host, to.address());
  }

  private void copyIn(MemorySegment host, long to) {
    if (host.byteSize() == 0) {
      return;
    }
    if (host.byteSize() <= CommandStream.SMALL_BYTES) {
      gpu.uploadSmall(host, to);
      return;
    }
    synchronized (stagingLock) {
      for (long at = 0; at < host.byteSize(); at += PIECE) {
        long n = Math.min(PIECE, host.byteSize() - at);
        MemorySegment.copy(host, at, staging.visible(), 0, n);
        gpu.copy(staging.address(), to + at, n);
        gpu.finishAll();
      }
    }
  }

  @Override
  public void download(MemorySegment from, MemorySegment host) {
    synchronized (stagingLock) {
      for (long at = 0; at < host.byteSize(); at += PIECE) {
        long n = Math.min(PIECE, host.byteSize() - at);
        gpu.copy(from.address() + at, staging.address(), n);
        gpu.finishAll();
        MemorySegment.copy(staging.visible(), 0, host, at, n);
      }
    }
  }

  @Override
  public void copy(MemorySegment from, MemorySegment to) {
    if (from.byteSize() > 0) {
      gpu.copy(from.address(), to.address(), from.byteSize());
    }
  }

  @Override
  public void fill(MemorySegment to, long pattern, int width) {
    long n = to.byteSize() / width;
    if (n == 0) {
      return;
    }
    gpu.params().address(to.address()).i64(pattern).i64(n).i32(width);
    gpu.launchOver(fill, n, 256);
  }

  /** Gives the staging memory back. */
  void close() {
    gpu.give(staging);
  }
}
