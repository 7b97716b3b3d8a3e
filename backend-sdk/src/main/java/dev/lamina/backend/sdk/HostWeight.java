package dev.lamina.backend.sdk;

import dev.lamina.spi.Device;
import dev.lamina.spi.Weight;
import dev.lamina.spi.WeightSpec;
import java.lang.foreign.MemorySegment;

/** A weight in the layout it was given in, where it lies or copied to the device. */
final class HostWeight extends Resource implements Weight {
  private final HostDevice device;
  private final WeightSpec spec;
  private final MemorySpace.Block block;

  HostWeight(HostDevice device, WeightSpec spec, MemorySpace.Block block) {
    super(device.ledger(), "weight " + spec.name());
    this.device = device;
    this.spec = spec;
    this.block = block;
    device.ledger().addBytes(deviceBytes());
  }

  @Override
  public Device device() {
    return device;
  }

  @Override
  public WeightSpec spec() {
    return spec;
  }

  @Override
  public String layout() {
    return block.isShared() ? "shared" : "copied";
  }

  @Override
  public long deviceBytes() {
    return block.isShared() ? 0 : block.segment().byteSize();
  }

  MemorySegment segment() {
    return block.segment();
  }

  @Override
  void free() {
    block.close();
    device.ledger().addBytes(-deviceBytes());
  }
}
