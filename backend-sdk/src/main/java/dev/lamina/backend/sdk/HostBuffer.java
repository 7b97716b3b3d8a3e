package dev.lamina.backend.sdk;

import dev.lamina.spi.Buffer;
import dev.lamina.spi.Device;
import dev.lamina.spi.MemoryKind;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A buffer in host memory, owned or wrapped. */
final class HostBuffer extends Resource implements Buffer {
  private final HostDevice device;
  private final MemoryKind kind;
  private final MemorySegment segment;
  private final @Nullable NativeMemory owned;

  HostBuffer(
      HostDevice device, MemoryKind kind, MemorySegment segment, @Nullable NativeMemory owned) {
    super(device.ledger(), "buffer of " + segment.byteSize() + " bytes");
    this.device = device;
    this.kind = kind;
    this.segment = segment;
    this.owned = owned;
    device.ledger().addBytes(owned == null ? 0 : segment.byteSize());
  }

  @Override
  public Device device() {
    return device;
  }

  @Override
  public long size() {
    return segment.byteSize();
  }

  @Override
  public MemoryKind kind() {
    return kind;
  }

  @Override
  public Optional<MemorySegment> host() {
    checkOpen("host");
    return Optional.of(segment);
  }

  MemorySegment segment() {
    return segment;
  }

  @Override
  public boolean alive() {
    return !isClosed();
  }

  @Override
  void free() {
    if (owned != null) {
      owned.close();
      device.ledger().addBytes(-segment.byteSize());
    }
  }
}
