package dev.lamina.backend.sdk;

import dev.lamina.spi.Buffer;
import dev.lamina.spi.Device;
import dev.lamina.spi.MemoryKind;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/** A buffer, of the device or wrapped around host memory. */
final class HostBuffer extends Resource implements Buffer {
  private final HostDevice device;
  private final MemoryKind kind;
  private final MemorySpace.Block block;

  HostBuffer(HostDevice device, MemoryKind kind, MemorySpace.Block block) {
    super(device.ledger(), "buffer of " + block.segment().byteSize() + " bytes");
    this.device = device;
    this.kind = kind;
    this.block = block;
    device.ledger().addBytes(ownBytes());
  }

  private long ownBytes() {
    return block.isShared() ? 0 : block.segment().byteSize();
  }

  @Override
  public Device device() {
    return device;
  }

  @Override
  public long size() {
    return block.segment().byteSize();
  }

  @Override
  public MemoryKind kind() {
    return kind;
  }

  @Override
  public Optional<MemorySegment> host() {
    checkOpen("host");
    return block.host();
  }

  MemorySegment segment() {
    return block.segment();
  }

  @Override
  public boolean alive() {
    return !isClosed();
  }

  @Override
  void free() {
    block.close();
    device.ledger().addBytes(-ownBytes());
  }
}
