package dev.lamina.backend.cuda.emulation;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;

/** The kernels of one shared object that {@link HostCompiler} made. */
public final class HostKernels {
  private static final StructLayout DIM3 =
      MemoryLayout.structLayout(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT);
  private static final FunctionDescriptor KERNEL =
      FunctionDescriptor.of(
          ValueLayout.ADDRESS, ValueLayout.ADDRESS, DIM3, DIM3, ValueLayout.JAVA_INT);

  private final SymbolLookup symbols;

  /**
   * Loads them.
   *
   * @param file the shared object
   * @param arena unloads it when it is closed
   */
  @SuppressWarnings("restricted")
  public HostKernels(Path file, Arena arena) {
    symbols = SymbolLookup.libraryLookup(file.toAbsolutePath(), arena);
  }

  /**
   * Whether lanes, warps and blocks take turns backwards from now on.
   *
   * @param reversed false at first
   */
  public void reverse(boolean reversed) {
    call("lamina_reverse", FunctionDescriptor.ofVoid(ValueLayout.JAVA_BOOLEAN), reversed);
  }

  /**
   * Runs a grid.
   *
   * @param kernel its name
   * @param params its struct
   * @param grid thread blocks
   * @param threads of a block
   * @param sharedBytes dynamic shared memory
   * @return what went wrong, empty for nothing
   */
  public String launch(
      String kernel, MemorySegment params, int grid, int threads, int sharedBytes) {
    return launch(kernel, params, grid, 1, 1, threads, sharedBytes);
  }

  /**
   * Runs a grid of three dimensions.
   *
   * @param kernel its name
   * @param params its struct
   * @param x thread blocks
   * @param y thread blocks
   * @param z thread blocks
   * @param threads of a block
   * @param sharedBytes dynamic shared memory
   * @return what went wrong, empty for nothing
   */
  @SuppressWarnings("restricted")
  public String launch(
      String kernel, MemorySegment params, int x, int y, int z, int threads, int sharedBytes) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment gridDim = arena.allocateFrom(ValueLayout.JAVA_INT, x, y, z);
      MemorySegment blockDim = arena.allocateFrom(ValueLayout.JAVA_INT, threads, 1, 1);
      MemorySegment message =
          (MemorySegment) call(kernel, KERNEL, params, gridDim, blockDim, sharedBytes);
      return message.address() == 0 ? "" : message.reinterpret(4096).getString(0);
    }
  }

  @SuppressWarnings("restricted")
  private Object call(String name, FunctionDescriptor type, Object... arguments) {
    MethodHandle handle = Linker.nativeLinker().downcallHandle(symbols.findOrThrow(name), type);
    try {
      return handle.invokeWithArguments(arguments);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }
}
