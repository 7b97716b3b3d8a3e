package dev.lamina.backend.opencl;

import java.util.Arrays;

/**
 * Addresses for buffers, which OpenCL 1.2 has none for: a buffer's number in the upper bits, an
 * offset into it in the lower ones. Address 0 is in no buffer. Thread-safe.
 */
final class Buffers {
  /** Bits of an offset: a buffer is smaller than 64 GiB. */
  static final int OFFSET_BITS = 36;

  /** The largest buffer. */
  static final long MAX_BYTES = 1L << OFFSET_BITS;

  private static final long OFFSET_MASK = MAX_BYTES - 1;

  private volatile long[] handles = new long[64];
  private int[] free = new int[64];
  private int numFree;
  private int used = 1;

  /** An address for the first byte of a buffer. */
  synchronized long add(long handle) {
    int number = numFree > 0 ? free[--numFree] : used++;
    long[] known = handles;
    if (number == known.length) {
      known = Arrays.copyOf(known, 2 * number);
    }
    known[number] = handle;
    handles = known;
    return (long) number << OFFSET_BITS;
  }

  /** Forgets a buffer. */
  synchronized void remove(long address) {
    int number = (int) (address >>> OFFSET_BITS);
    handles[number] = 0;
    if (numFree == free.length) {
      free = Arrays.copyOf(free, 2 * numFree);
    }
    free[numFree++] = number;
  }

  /** The buffer that an address lies in. */
  long handle(long address) {
    long[] known = handles;
    int number = (int) (address >>> OFFSET_BITS);
    long handle = number < known.length ? known[number] : 0;
    if (handle == 0) {
      throw new IllegalStateException(
          "opencl: expected an address in a buffer, got 0x%x".formatted(address));
    }
    return handle;
  }

  /** How far into its buffer an address is, in bytes. */
  static long offset(long address) {
    return address & OFFSET_MASK;
  }
}
