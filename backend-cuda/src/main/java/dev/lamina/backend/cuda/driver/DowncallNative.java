package dev.lamina.backend.cuda.driver;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Arrays;

/**
 * Calls C functions whose arguments are integers and pointers, and whose result is an {@code int}:
 * one method handle for each number of arguments, bound to no library.
 *
 * <p>Every argument travels as 64 bits. On the ABIs of 64-bit Linux and Windows a parameter takes a
 * whole register or stack slot, of which the callee reads as many low bits as its type has, so an
 * {@code int} or {@code unsigned char} may be passed so. A handle is linked when it is first
 * called: looking for a library that is not there links none.
 */
final class DowncallNative {
  private DowncallNative() {}

  @SuppressWarnings("restricted")
  private static MethodHandle link(int numArgs) {
    MemoryLayout[] args = new MemoryLayout[numArgs];
    Arrays.fill(args, ValueLayout.JAVA_LONG);
    return Linker.nativeLinker().downcallHandle(FunctionDescriptor.of(ValueLayout.JAVA_INT, args));
  }

  /** Memory that a C function returned, whose size is known. */
  @SuppressWarnings("restricted")
  static MemorySegment memory(long address, long bytes) {
    return MemorySegment.ofAddress(address).reinterpret(bytes);
  }

  private static AssertionError impossible(Throwable thrown) {
    if (thrown instanceof Error error) {
      throw error;
    }
    return new AssertionError("a downcall threw", thrown);
  }

  private static final class NoneNative {
    static final MethodHandle HANDLE = link(0);
  }

  static int call(MemorySegment function) {
    try {
      return (int) NoneNative.HANDLE.invokeExact(function);
    } catch (Throwable thrown) {
      throw impossible(thrown);
    }
  }

  private static final class OneNative {
    static final MethodHandle HANDLE = link(1);
  }

  static int call(MemorySegment function, long a) {
    try {
      return (int) OneNative.HANDLE.invokeExact(function, a);
    } catch (Throwable thrown) {
      throw impossible(thrown);
    }
  }

  private static final class TwoNative {
    static final MethodHandle HANDLE = link(2);
  }

  static int call(MemorySegment function, long a, long b) {
    try {
      return (int) TwoNative.HANDLE.invokeExact(function, a, b);
    } catch (Throwable thrown) {
      throw impossible(thrown);
    }
  }

  private static final class ThreeNative {
    static final MethodHandle HANDLE = link(3);
  }

  static int call(MemorySegment function, long a, long b, long c) {
    try {
      return (int) ThreeNative.HANDLE.invokeExact(function, a, b, c);
    } catch (Throwable thrown) {
      throw impossible(thrown);
    }
  }

  private static final class FourNative {
    static final MethodHandle HANDLE = link(4);
  }

  static int call(MemorySegment function, long a, long b, long c, long d) {
    try {
      return (int) FourNative.HANDLE.invokeExact(function, a, b, c, d);
    } catch (Throwable thrown) {
      throw impossible(thrown);
    }
  }

  private static final class SixNative {
    static final MethodHandle HANDLE = link(6);
  }

  static int call(MemorySegment function, long a, long b, long c, long d, long e, long f) {
    try {
      return (int) SixNative.HANDLE.invokeExact(function, a, b, c, d, e, f);
    } catch (Throwable thrown) {
      throw impossible(thrown);
    }
  }

  private static final class TwelveNative {
    static final MethodHandle HANDLE = link(12);
  }

  static int call(
      MemorySegment function,
      long a,
      long b,
      long c,
      long d,
      long e,
      long f,
      long g,
      long h,
      long i,
      long j,
      long k,
      long l) {
    try {
      return (int) TwelveNative.HANDLE.invokeExact(function, a, b, c, d, e, f, g, h, i, j, k, l);
    } catch (Throwable thrown) {
      throw impossible(thrown);
    }
  }

  private static final class FiveNative {
    static final MethodHandle HANDLE = link(5);
  }

  static int call(MemorySegment function, long a, long b, long c, long d, long e) {
    try {
      return (int) FiveNative.HANDLE.invokeExact(function, a, b, c, d, e);
    } catch (Throwable thrown) {
      throw impossible(thrown);
    }
  }

  private static final class TenNative {
    static final MethodHandle HANDLE = link(10);
  }

  static int call(
      MemorySegment function,
      long a,
      long b,
      long c,
      long d,
      long e,
      long f,
      long g,
      long h,
      long i,
      long j) {
    try {
      return (int) TenNative.HANDLE.invokeExact(function, a, b, c, d, e, f, g, h, i, j);
    } catch (Throwable thrown) {
      throw impossible(thrown);
    }
  }

  private static final class SixteenNative {
    static final MethodHandle HANDLE = link(16);
  }

  static int call(
      MemorySegment function,
      long a,
      long b,
      long c,
      long d,
      long e,
      long f,
      long g,
      long h,
      long i,
      long j,
      long k,
      long l,
      long m,
      long n,
      long o,
      long p) {
    try {
      return (int)
          SixteenNative.HANDLE.invokeExact(
              function, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p);
    } catch (Throwable thrown) {
      throw impossible(thrown);
    }
  }
}
