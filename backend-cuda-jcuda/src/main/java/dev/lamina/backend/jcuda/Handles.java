package dev.lamina.backend.jcuda;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import jcuda.NativePointerObject;

/**
 * JCuda's objects for addresses and handles. It makes them in its own calls alone and keeps what
 * they stand for in a private field; here they are made from numbers, and asked for theirs.
 */
final class Handles {
  private static final VarHandle ADDRESS = address();

  private Handles() {}

  private static VarHandle address() {
    try {
      return MethodHandles.privateLookupIn(NativePointerObject.class, MethodHandles.lookup())
          .findVarHandle(NativePointerObject.class, "nativePointer", long.class);
    } catch (ReflectiveOperationException e) {
      throw new LinkageError("a JCuda whose handles are others than those of 12.6", e);
    }
  }

  /** A fresh object of JCuda's, for this address or handle. */
  static <T extends NativePointerObject> T set(T fresh, long address) {
    ADDRESS.set((NativePointerObject) fresh, address);
    return fresh;
  }

  /** The address or handle that an object of JCuda's stands for. */
  static long get(NativePointerObject object) {
    return (long) ADDRESS.get(object);
  }
}
