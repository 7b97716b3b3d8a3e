package dev.lamina.backend.rocm.driver;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/** Host memory for what one call of C returns through pointers, and for the texts it reads. */
final class Out implements AutoCloseable {
  private final Arena arena = Arena.ofConfined();
  private final MemorySegment memory;

  /** Room for one number. */
  Out() {
    this(8);
  }

  Out(long bytes) {
    memory = arena.allocate(bytes, 8);
  }

  MemorySegment memory() {
    return memory;
  }

  int asInt() {
    return memory.get(ValueLayout.JAVA_INT, 0);
  }

  long asLong() {
    return memory.get(ValueLayout.JAVA_LONG, 0);
  }

  MemorySegment asPointer() {
    return MemorySegment.ofAddress(asLong());
  }

  String asString(long at) {
    return memory.getString(at);
  }

  /** A string of C's, alive as long as this. */
  MemorySegment string(String text) {
    return arena.allocateFrom(text);
  }

  /** An array of pointers to strings of C's, alive as long as this. */
  MemorySegment strings(List<String> texts) {
    MemorySegment pointers = arena.allocate(ValueLayout.ADDRESS, Math.max(1, texts.size()));
    for (int i = 0; i < texts.size(); i++) {
      pointers.setAtIndex(ValueLayout.ADDRESS, i, string(texts.get(i)));
    }
    return pointers;
  }

  @Override
  public void close() {
    arena.close();
  }
}
