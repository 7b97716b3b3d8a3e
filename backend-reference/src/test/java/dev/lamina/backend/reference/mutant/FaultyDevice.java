package dev.lamina.backend.reference.mutant;

import dev.lamina.spi.BackendException;
import dev.lamina.spi.Buffer;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.Device;
import dev.lamina.spi.DeviceInfo;
import dev.lamina.spi.DeviceStats;
import dev.lamina.spi.Executable;
import dev.lamina.spi.MemoryKind;
import dev.lamina.spi.OpSpec;
import dev.lamina.spi.Queue;
import dev.lamina.spi.State;
import dev.lamina.spi.StateLayout;
import dev.lamina.spi.Support;
import dev.lamina.spi.Timeline;
import dev.lamina.spi.Weight;
import dev.lamina.spi.WeightSpec;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.StateSpec;
import java.lang.foreign.MemorySegment;

/** A device around a right one, with everything it makes wrapped; bugs override a method. */
class FaultyDevice implements Device {
  final Device right;

  FaultyDevice(Device right) {
    this.right = right;
  }

  @Override
  public DeviceInfo info() {
    return right.info();
  }

  @Override
  public Support supports(OpSpec op) {
    return right.supports(op);
  }

  @Override
  public StateLayout chooseStateLayout(StateSpec spec) {
    return right.chooseStateLayout(spec);
  }

  @Override
  public State allocateState(StateLayout layout, long numSlots) throws BackendException {
    return new FaultyMemory.OfState(this, right.allocateState(layout, numSlots));
  }

  @Override
  public Weight loadWeight(WeightSpec spec, MemorySegment data) throws BackendException {
    return new FaultyMemory.OfWeight(this, right.loadWeight(spec, data));
  }

  @Override
  public Buffer allocate(long bytes, MemoryKind kind) throws BackendException {
    return new FaultyMemory.OfBuffer(this, right.allocate(bytes, kind));
  }

  @Override
  public Buffer wrapHost(MemorySegment segment) throws BackendException {
    return new FaultyMemory.OfBuffer(this, right.wrapHost(segment));
  }

  @Override
  public Queue newQueue() throws BackendException {
    return new FaultyQueue(right.newQueue());
  }

  @Override
  public Timeline newTimeline(long initial) throws BackendException {
    return new FaultyTimeline(right.newTimeline(initial));
  }

  @Override
  public Executable compile(Graph graph, CompileOptions options) throws BackendException {
    return new FaultyExecutable(right.compile(graph, options));
  }

  @Override
  public DeviceStats stats() {
    return right.stats();
  }

  @Override
  public void close() {
    right.close();
  }
}
