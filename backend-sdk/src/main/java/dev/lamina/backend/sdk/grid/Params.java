package dev.lamina.backend.sdk.grid;

import dev.lamina.backend.sdk.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * The one struct that a kernel takes, written field by field in C's order and natural alignment.
 *
 * <p>Reused from launch to launch; allocates nothing. Not thread-safe.
 */
public final class Params {
  /** Axes of a tensor in a kernel's struct. */
  public static final int MAX_RANK = 8;

  private static final int BYTES = 4096;

  private final MemorySegment memory;
  private final int[] addressAt = new int[BYTES / Long.BYTES];
  private int addresses;
  private long at;

  /**
   * Takes room for the largest struct there is.
   *
   * @param arena owns it
   */
  public Params(Arena arena) {
    memory = arena.allocate(BYTES, 16);
  }

  /** Begins a new struct. */
  public Params begin() {
    at = 0;
    addresses = 0;
    return this;
  }

  /** Appends a 64-bit integer that is no address. */
  public Params i64(long value) {
    at = at + 7 & -8;
    memory.set(ValueLayout.JAVA_LONG, at, value);
    at += Long.BYTES;
    return this;
  }

  /** Appends a 32-bit integer. */
  public Params i32(long value) {
    memory.set(ValueLayout.JAVA_INT, at, (int) value);
    at += Integer.BYTES;
    return this;
  }

  /** Appends a float. */
  public Params f32(double value) {
    memory.set(ValueLayout.JAVA_FLOAT, at, (float) value);
    at += Float.BYTES;
    return this;
  }

  /** Appends the address of a tensor's first element. */
  public Params address(Tensor t) {
    return address(addressOf(t));
  }

  /** Appends the address of a tensor's first element, 0 for none. */
  public Params addressIf(@Nullable Tensor t) {
    return address(t == null ? 0 : addressOf(t));
  }

  /** Appends an address of the device, 0 for none. */
  public Params address(long address) {
    i64(address);
    addressAt[addresses++] = (int) (at - Long.BYTES);
    return this;
  }

  /** Appends a tensor whole: address, sizes, strides, rank, dtype. */
  public Params tensor(Tensor t) {
    address(t);
    for (int i = 0; i < MAX_RANK; i++) {
      i64(i < t.rank() ? t.size(i) : 1);
    }
    for (int i = 0; i < MAX_RANK; i++) {
      i64(i < t.rank() ? t.stride(i) : 0);
    }
    return i32(t.rank()).i32(t.dtype().ordinal());
  }

  /** Appends numbers, padded to so many. */
  public Params i64s(long[] values, int count, int padded, long padding) {
    for (int i = 0; i < padded; i++) {
      i64(i < count ? values[i] : padding);
    }
    return this;
  }

  /** The struct so far, and room behind it. */
  public MemorySegment struct() {
    return memory;
  }

  /** Bytes of the struct so far. */
  public long bytes() {
    return at;
  }

  /** How many addresses it has, for devices that tell them otherwise. */
  public int addresses() {
    return addresses;
  }

  /**
   * Where an address stands.
   *
   * @param i below {@link #addresses}
   * @return bytes from the struct's beginning
   */
  public int addressAt(int i) {
    return addressAt[i];
  }

  /**
   * Where a tensor begins.
   *
   * @param t bound
   * @return the device address
   */
  public static long addressOf(Tensor t) {
    return t.segment().address() + t.offset();
  }

  /**
   * Whether a tensor begins at a multiple of a power of two.
   *
   * @param t bound
   * @param bytes the power
   */
  public static boolean isAligned(Tensor t, int bytes) {
    return (addressOf(t) & bytes - 1) == 0;
  }
}
