package dev.lamina.backend.sdk;

import dev.lamina.spi.OutOfDeviceMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/**
 * Zeroed native memory that starts at a cache line.
 *
 * <p>An arena writes its zeroes at once, so every page becomes resident. Large memory therefore
 * comes from {@code calloc}, whose pages the system zeroes when they are first touched, if this
 * module may call native code.
 *
 * @param segment the bytes
 * @param arena what frees them
 */
public record NativeMemory(MemorySegment segment, Arena arena) implements MemorySpace.Block {
  /** Below this, zeroing costs less than linking calloc. */
  private static final long LAZY_FROM = 32L << 20;

  /**
   * Takes memory.
   *
   * @param bytes at least 0
   * @param what for messages
   * @return memory that the caller closes
   * @throws OutOfDeviceMemory if the system has not so much
   */
  @SuppressWarnings("MustBeClosed")
  public static NativeMemory allocate(long bytes, String what) throws OutOfDeviceMemory {
    Arena arena = Arena.ofShared();
    try {
      boolean lazy = bytes >= LAZY_FROM && NativeMemory.class.getModule().isNativeAccessEnabled();
      MemorySegment segment =
          lazy ? CallocNative.allocate(bytes, arena) : arena.allocate(bytes, MemoryPlan.ALIGNMENT);
      return new NativeMemory(segment, arena);
    } catch (OutOfMemoryError | IllegalArgumentException e) {
      arena.close();
      throw new OutOfDeviceMemory(
          "%s: expected %d bytes of host memory, the system has not so many; ask for less"
              .formatted(what, bytes),
          e);
    }
  }

  @Override
  public Optional<MemorySegment> host() {
    return Optional.of(segment);
  }

  @Override
  public boolean isShared() {
    return false;
  }

  @Override
  public void close() {
    arena.close();
  }

  /** The C library's calloc and free. */
  private static final class CallocNative {
    private static final Linker LINKER = Linker.nativeLinker();
    private static final MethodHandle CALLOC =
        handle(
            "calloc",
            FunctionDescriptor.of(
                ValueLayout.ADDRESS, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));
    private static final MethodHandle FREE =
        handle("free", FunctionDescriptor.ofVoid(ValueLayout.ADDRESS));

    @SuppressWarnings("restricted")
    private static MethodHandle handle(String name, FunctionDescriptor type) {
      return LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow(name), type);
    }

    /** Memory of the arena, which frees it when it is closed. */
    @SuppressWarnings("restricted")
    static MemorySegment allocate(long bytes, Arena arena) {
      long room = Math.addExact(bytes, MemoryPlan.ALIGNMENT);
      MemorySegment start;
      try {
        start = (MemorySegment) CALLOC.invokeExact(room, 1L);
      } catch (Throwable e) {
        throw new AssertionError("calloc", e);
      }
      if (start.address() == 0) {
        throw new OutOfMemoryError("calloc of " + room + " bytes");
      }
      MemorySegment all = start.reinterpret(room, arena, CallocNative::free);
      long skip = -start.address() & MemoryPlan.ALIGNMENT - 1;
      return all.asSlice(skip, bytes);
    }

    private static void free(MemorySegment memory) {
      try {
        FREE.invokeExact(memory);
      } catch (Throwable e) {
        throw new AssertionError("free", e);
      }
    }
  }
}
