package dev.lamina.backend.cuda.driver;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** Host memory for the results of one C call. */
final class Scratch implements AutoCloseable {
  private final Arena arena = Arena.ofConfined();
  private final MemorySegment memory;

  /** Room for one or two numbers. */
  Scratch() {
    this(16);
  }

  Scratch(long bytes) {
    memory = arena.allocate(bytes, 8);
  }

  /** Where the first result goes. */
  long address() {
    return memory.address();
  }

  int asInt() {
    return memory.get(ValueLayout.JAVA_INT, 0);
  }

  float asFloat() {
    return memory.get(ValueLayout.JAVA_FLOAT, 0);
  }

  long asLong() {
    return memory.get(ValueLayout.JAVA_LONG, 0);
  }

  /** The memory as a string that ends at a zero byte. */
  String asString() {
    return memory.getString(0, StandardCharsets.UTF_8);
  }

  MemorySegment memory() {
    return memory;
  }

  /** A string of C's, alive as long as this. */
  long string(String text) {
    return arena.allocateFrom(text).address();
  }

  /** An array of pointers to strings of C's, alive as long as this. */
  long strings(List<String> texts) {
    return longs(texts.stream().mapToLong(this::string).toArray());
  }

  /** Numbers of 64 bits, alive as long as this. */
  long longs(long... values) {
    return arena.allocateFrom(ValueLayout.JAVA_LONG, values).address();
  }

  /** Numbers of 32 bits, alive as long as this. */
  long ints(int... values) {
    return arena.allocateFrom(ValueLayout.JAVA_INT, values).address();
  }

  @Override
  public void close() {
    arena.close();
  }
}
