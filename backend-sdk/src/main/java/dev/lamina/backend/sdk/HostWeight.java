package dev.lamina.backend.sdk;

import dev.lamina.spi.Device;
import dev.lamina.spi.Weight;
import dev.lamina.spi.WeightSpec;
import java.lang.foreign.MemorySegment;

/** A weight used where it lies. */
final class HostWeight extends Resource implements Weight {
  private final HostDevice device;
  private final WeightSpec spec;
  private final MemorySegment segment;

  HostWeight(HostDevice device, WeightSpec spec, MemorySegment segment) {
    super(device.ledger(), "weight " + spec.name());
    this.device = device;
    this.spec = spec;
    this.segment = segment;
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
    return "shared";
  }

  @Override
  public long deviceBytes() {
    return 0;
  }

  MemorySegment segment() {
    return segment;
  }

  @Override
  void free() {}
}
