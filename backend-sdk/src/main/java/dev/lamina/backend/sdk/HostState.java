package dev.lamina.backend.sdk;

import dev.lamina.spi.State;
import dev.lamina.spi.ir.StateSpec;
import java.lang.foreign.MemorySegment;

/**
 * A pool in host memory in the dense layout: one tensor {@code [numSlots, entry shape]} an entry.
 */
public interface HostState extends State {
  /** What a slot holds. */
  StateSpec spec();

  /**
   * Memory of an entry.
   *
   * @param index position in {@code spec().entries()}
   * @return {@code numSlots * entry.bytesPerSlot()} bytes, row-major
   */
  MemorySegment entry(int index);
}
