package dev.lamina.backend.tornado;

import dev.lamina.backend.sdk.BackendFailure;
import dev.lamina.spi.OutOfDeviceMemory;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;

/**
 * Divides a range of memory: first fit, neighbours that are free are joined. Knows addresses and
 * sizes alone. Thread-safe.
 */
public final class Heap {
  /** Every range begins at a multiple of it. */
  public static final int ALIGNMENT = 256;

  private final long capacity;
  private final TreeMap<Long, Long> free = new TreeMap<>();
  private final Map<Long, Long> taken = new HashMap<>();
  private long freeBytes;

  /**
   * All of a range, free.
   *
   * @param begin first address, rounded up to the alignment
   * @param end the address behind the last
   */
  public Heap(long begin, long end) {
    long first = aligned(begin);
    capacity = Math.max(0, end / ALIGNMENT * ALIGNMENT - first);
    freeBytes = capacity;
    if (capacity > 0) {
      free.put(first, capacity);
    }
  }

  private static long aligned(long bytes) {
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }

  /** Bytes that it has, taken or free. */
  public long capacity() {
    return capacity;
  }

  /**
   * Takes a range.
   *
   * @param bytes at least 1
   * @param what for messages
   * @return its address
   * @throws BackendFailure with {@link OutOfDeviceMemory}, if no free range is so long
   */
  public synchronized long take(long bytes, String what) {
    long size = bytes > capacity ? bytes : aligned(bytes);
    for (Map.Entry<Long, Long> range : free.entrySet()) {
      if (range.getValue() >= size) {
        long at = range.getKey();
        long rest = range.getValue() - size;
        free.remove(at);
        if (rest > 0) {
          free.put(at + size, rest);
        }
        taken.put(at, size);
        freeBytes -= size;
        return at;
      }
    }
    throw new BackendFailure(
        new OutOfDeviceMemory(
            "%s: expected %d bytes in one piece, got %d of %d free; close what is not needed, or start with more: -Dlamina.tornado.memory=BYTES"
                .formatted(what, bytes, freeBytes, capacity)));
  }

  /**
   * Gives a range back.
   *
   * @param at what {@link #take} returned
   */
  public synchronized void give(long at) {
    Long size = taken.remove(at);
    if (size == null) {
      throw new IllegalStateException("give: expected an address that was taken, got " + at);
    }
    freeBytes += size;
    long begin = at;
    long bytes = size;
    Map.Entry<Long, Long> before = free.lowerEntry(at);
    if (before != null && before.getKey() + before.getValue() == at) {
      begin = before.getKey();
      bytes += before.getValue();
    }
    Long behind = free.remove(at + size);
    if (behind != null) {
      bytes += behind;
    }
    free.put(begin, bytes);
  }
}
