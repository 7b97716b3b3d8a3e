package dev.lamina.backend.cuda.driver;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** Calls functions of the driver's library by name and turns what they return into exceptions. */
final class DriverCalls {
  private static final int TEXT_BYTES = 4096;

  private final NativeLibrary library;
  private final @Nullable MemorySegment[] functions =
      new MemorySegment[DriverFunction.values().length];

  DriverCalls(NativeLibrary library) {
    this.library = library;
  }

  /** A function's address. Two threads may both look it up: they find the same. */
  private MemorySegment at(DriverFunction function) throws CudaException {
    MemorySegment address = functions[function.ordinal()];
    return address == null ? find(function) : address;
  }

  private MemorySegment find(DriverFunction function) throws CudaException {
    MemorySegment address =
        library.function(function.name(), "update NVIDIA's driver to one of CUDA 12.0 or newer");
    functions[function.ordinal()] = address;
    return address;
  }

  void run(DriverFunction function) throws CudaException {
    check(function, DowncallNative.call(at(function)));
  }

  void run(DriverFunction function, long a) throws CudaException {
    check(function, result(function, a));
  }

  void run(DriverFunction function, long a, long b) throws CudaException {
    check(function, result(function, a, b));
  }

  void run(DriverFunction function, long a, long b, long c) throws CudaException {
    check(function, result(function, a, b, c));
  }

  void run(DriverFunction function, long a, long b, long c, long d) throws CudaException {
    check(function, result(function, a, b, c, d));
  }

  int result(DriverFunction function, long a) throws CudaException {
    return DowncallNative.call(at(function), a);
  }

  int result(DriverFunction function, long a, long b) throws CudaException {
    return DowncallNative.call(at(function), a, b);
  }

  int result(DriverFunction function, long a, long b, long c) throws CudaException {
    return DowncallNative.call(at(function), a, b, c);
  }

  int result(DriverFunction function, long a, long b, long c, long d) throws CudaException {
    return DowncallNative.call(at(function), a, b, c, d);
  }

  /** The only function of twelve arguments. */
  void encodeTensorMap(
      long map,
      TensorMap tensor,
      long sizes,
      long strides,
      long box,
      long elementStrides,
      long l2Promotion)
      throws CudaException {
    DriverFunction function = DriverFunction.cuTensorMapEncodeTiled;
    int result =
        DowncallNative.call(
            at(function),
            map,
            tensor.element().number,
            tensor.sizes().size(),
            tensor.address(),
            sizes,
            strides,
            box,
            elementStrides,
            0,
            tensor.swizzle().ordinal(),
            l2Promotion,
            0);
    check(function, result, tensor);
  }

  void check(DriverFunction function, int result) throws CudaException {
    if (result != CuResult.SUCCESS) {
      throw failure(function.name(), result);
    }
  }

  /** The same, with what the function was asked for, which is written only if it failed. */
  void check(DriverFunction function, int result, Object what) throws CudaException {
    if (result != CuResult.SUCCESS) {
      throw failure(function + "(" + what + ")", result);
    }
  }

  private CudaException failure(String call, int result) throws CudaException {
    return CudaException.ofDriver(
        call,
        result,
        text(DriverFunction.cuGetErrorName, result, "an unknown CUresult"),
        text(DriverFunction.cuGetErrorString, result, "no description"));
  }

  /** The driver's words for a result. */
  private String text(DriverFunction function, int result, String unknown) throws CudaException {
    try (Scratch out = new Scratch()) {
      DowncallNative.call(at(function), result, out.address());
      return out.asLong() == 0
          ? unknown
          : DowncallNative.memory(out.asLong(), TEXT_BYTES).getString(0, StandardCharsets.UTF_8);
    }
  }
}
