package dev.lamina.backend.reference.mutant;

import dev.lamina.spi.Buffer;
import dev.lamina.spi.Device;
import dev.lamina.spi.MemoryKind;
import dev.lamina.spi.State;
import dev.lamina.spi.StateLayout;
import dev.lamina.spi.View;
import dev.lamina.spi.Weight;
import dev.lamina.spi.WeightSpec;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/** Buffers, weights and pools that name a faulty device as theirs; bugs override a method. */
final class FaultyMemory {
  private FaultyMemory() {}

  /** The right buffer behind a view. */
  static View unwrap(View view) {
    return view.buffer() instanceof OfBuffer b
        ? new View(b.right, view.offset(), view.type())
        : view;
  }

  /** A buffer. */
  static class OfBuffer implements Buffer {
    final Buffer right;
    private final Device device;

    OfBuffer(Device device, Buffer right) {
      this.device = device;
      this.right = right;
    }

    @Override
    public Device device() {
      return device;
    }

    @Override
    public long size() {
      return right.size();
    }

    @Override
    public MemoryKind kind() {
      return right.kind();
    }

    @Override
    public Optional<MemorySegment> host() {
      return right.host();
    }

    @Override
    public boolean alive() {
      return right.alive();
    }

    @Override
    public void close() {
      right.close();
    }
  }

  /** A weight. */
  static class OfWeight implements Weight {
    final Weight right;
    private final Device device;

    OfWeight(Device device, Weight right) {
      this.device = device;
      this.right = right;
    }

    @Override
    public Device device() {
      return device;
    }

    @Override
    public WeightSpec spec() {
      return right.spec();
    }

    @Override
    public String layout() {
      return right.layout();
    }

    @Override
    public long deviceBytes() {
      return right.deviceBytes();
    }

    @Override
    public void close() {
      right.close();
    }
  }

  /** A pool. */
  static class OfState implements State {
    final State right;
    private final Device device;

    OfState(Device device, State right) {
      this.device = device;
      this.right = right;
    }

    @Override
    public Device device() {
      return device;
    }

    @Override
    public StateLayout layout() {
      return right.layout();
    }

    @Override
    public long numSlots() {
      return right.numSlots();
    }

    @Override
    public void close() {
      right.close();
    }
  }
}
