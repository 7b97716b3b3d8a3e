package dev.lamina.scheduler;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.lamina.spi.BackendException;
import dev.lamina.spi.Device;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.StepSlots;
import dev.lamina.spi.ir.TensorType;
import java.lang.foreign.MemorySegment;

/**
 * The ids that a step samples. They stay on the device, where the next step may take its tokens
 * from them before the host knows them.
 */
final class SampledIds implements AutoCloseable {
  private final StepOutputs memory;
  private final StepBuffer ids;

  SampledIds(Device device, StepSlots slots) {
    this.memory = new StepOutputs(device);
    this.ids = memory.add(TensorType.of(DType.I32, slots.rows()));
    // As many as a step ever samples, so that they stay where they are.
    ids.ensure(slots.rows().max() * Integer.BYTES);
  }

  /** Where samplers put what they draw: I32 {@code [R]}. */
  StepBuffer buffer() {
    return ids;
  }

  /** Copies the ids of so many rows to the host. */
  void download(long numRows, StepQueue queue, int turn) throws BackendException {
    ids.ensure(numRows * Integer.BYTES);
    memory.download(queue, turn);
  }

  /** Takes over ids that arrived. */
  void read(int[] to, int numRows, int turn) {
    MemorySegment.copy(memory.host(turn), JAVA_INT, memory.offset(0, turn), to, 0, numRows);
  }

  @Override
  public void close() {
    memory.close();
  }
}
