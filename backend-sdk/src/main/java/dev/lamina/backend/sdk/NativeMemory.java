package dev.lamina.backend.sdk;

import dev.lamina.spi.OutOfDeviceMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Zeroed native memory that starts at a cache line.
 *
 * @param segment the bytes
 * @param arena what frees them
 */
record NativeMemory(MemorySegment segment, Arena arena) implements AutoCloseable {

  @SuppressWarnings("MustBeClosed")
  static NativeMemory allocate(long bytes, String what) throws OutOfDeviceMemory {
    Arena arena = Arena.ofShared();
    try {
      return new NativeMemory(arena.allocate(bytes, MemoryPlan.ALIGNMENT), arena);
    } catch (OutOfMemoryError | IllegalArgumentException e) {
      arena.close();
      throw new OutOfDeviceMemory(
          "%s: expected %d bytes of host memory, the system has not so many; ask for less"
              .formatted(what, bytes),
          e);
    }
  }

  @Override
  public void close() {
    arena.close();
  }
}
