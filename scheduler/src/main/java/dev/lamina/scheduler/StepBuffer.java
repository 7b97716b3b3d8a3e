package dev.lamina.scheduler;

import dev.lamina.spi.BackendException;
import dev.lamina.spi.View;
import dev.lamina.spi.ir.TensorType;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** A tensor of a step: its place in a {@link StepMemory}. */
final class StepBuffer {
  private final StepMemory memory;
  private final TensorType type;
  private long bytes;
  private long capacity;
  private long offset;
  private @Nullable View view;
  private MemorySegment host = MemorySegment.NULL;

  /**
   * @param type dtype and shape; symbols take the values of each run
   */
  StepBuffer(StepMemory memory, TensorType type) {
    this.memory = memory;
    this.type = type;
  }

  /** Says how much of it the next run uses; the content is lost when it has to move. */
  void ensure(long wanted) {
    bytes = wanted;
    if (wanted > capacity) {
      capacity = Math.max(wanted, 2 * capacity);
      memory.outgrow();
    }
  }

  /** What is bound; another object once it has moved. */
  View view() throws BackendException {
    memory.make();
    View current = view;
    if (current == null) {
      throw new IllegalStateException("step buffer " + type + ": ensure() comes first");
    }
    return current;
  }

  TensorType type() {
    return type;
  }

  /** Bytes in use. */
  long bytes() {
    return bytes;
  }

  long capacity() {
    return capacity;
  }

  /** Its first byte in the memory. */
  long offset() {
    return offset;
  }

  void place(long at) {
    offset = at;
  }

  void bind(View made) {
    view = made;
  }

  /** What the host writes: as many bytes as there is room for. */
  MemorySegment host() throws BackendException {
    memory.make();
    return host;
  }

  void host(MemorySegment made) {
    host = made;
  }
}
