package dev.lamina.backend.sdk;

import dev.lamina.spi.Device;
import dev.lamina.spi.StateLayout;
import dev.lamina.spi.ir.StateSpec;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** A pool in the dense layout. */
final class HostPool extends Resource implements HostState {
  private final HostDevice device;
  private final StateLayout layout;
  private final long numSlots;
  private final MemorySpace.Block memory;
  private final MemorySegment[] entries;

  HostPool(HostDevice device, StateLayout layout, long numSlots, MemorySpace.Block memory) {
    super(device.ledger(), "state " + layout.spec().name());
    this.device = device;
    this.layout = layout;
    this.numSlots = numSlots;
    this.memory = memory;
    List<StateSpec.Entry> specs = layout.spec().entries();
    this.entries = new MemorySegment[specs.size()];
    long at = 0;
    for (int i = 0; i < entries.length; i++) {
      long bytes = numSlots * specs.get(i).bytesPerSlot();
      entries[i] = memory.segment().asSlice(at, bytes);
      at += align(bytes);
    }
    device.ledger().addBytes(memory.segment().byteSize());
  }

  static long bytes(StateSpec spec, long numSlots) {
    long sum = 0;
    for (StateSpec.Entry e : spec.entries()) {
      sum = Math.addExact(sum, align(Math.multiplyExact(numSlots, e.bytesPerSlot())));
    }
    return sum;
  }

  private static long align(long bytes) {
    return (bytes + MemoryPlan.ALIGNMENT - 1) / MemoryPlan.ALIGNMENT * MemoryPlan.ALIGNMENT;
  }

  @Override
  public Device device() {
    return device;
  }

  @Override
  public StateLayout layout() {
    return layout;
  }

  @Override
  public long numSlots() {
    return numSlots;
  }

  @Override
  public StateSpec spec() {
    return layout.spec();
  }

  @Override
  public MemorySegment entry(int index) {
    return entries[index];
  }

  @Override
  void free() {
    memory.close();
    device.ledger().addBytes(-memory.segment().byteSize());
  }
}
