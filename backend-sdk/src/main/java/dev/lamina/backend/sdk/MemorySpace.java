package dev.lamina.backend.sdk;

import dev.lamina.spi.BackendException;
import dev.lamina.spi.MemoryKind;
import dev.lamina.spi.OutOfDeviceMemory;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * Where a device keeps its bytes and how they get there and back.
 *
 * <p>A segment of a space is an address and a size. Only where the space is the host's own may Java
 * read or write through it; elsewhere it is for kernels and for the methods here. All of these
 * finish, or join the device's order of work, before they return; the device calls them for one
 * command at a time, but for {@link #allocate}, {@link #adopt} and {@link Block#close}, which any
 * thread may call.
 */
public interface MemorySpace {
  /** A range of memory, until it is closed. */
  interface Block extends AutoCloseable {
    /**
     * The range.
     *
     * @return address and size
     */
    MemorySegment segment();

    /**
     * The same bytes as the host sees them.
     *
     * @return a segment that Java may read and write, or nothing
     */
    Optional<MemorySegment> host();

    /**
     * Whether the bytes are those that were given to {@link #adopt}, rather than a copy.
     *
     * @return false for memory of the device's own
     */
    boolean isShared();

    @Override
    void close();
  }

  /**
   * Takes memory, zeroed.
   *
   * @param bytes at least 0
   * @param kind where
   * @param what for messages
   * @return a block the caller closes
   * @throws OutOfDeviceMemory if there is not so much; the device stays usable
   */
  Block allocate(long bytes, MemoryKind kind, String what) throws OutOfDeviceMemory;

  /**
   * Makes host memory readable by kernels, in place or by a copy.
   *
   * @param data native or mapped memory of any alignment that outlives the block
   * @param writable whether kernels write to it, so that the host must see what they write
   * @param what for messages
   * @return a block the caller closes
   * @throws BackendException if it can't be had
   */
  Block adopt(MemorySegment data, boolean writable, String what) throws BackendException;

  /**
   * Copies from the host.
   *
   * @param host source; free for other use when this returns
   * @param to of this space, as many bytes
   */
  void upload(MemorySegment host, MemorySegment to);

  /**
   * Copies to the host.
   *
   * @param from of this space
   * @param host destination, as many bytes; complete when the device's order of work comes to here
   */
  void download(MemorySegment from, MemorySegment host);

  /**
   * Copies within the space.
   *
   * @param from of this space
   * @param to of this space, as many bytes
   */
  void copy(MemorySegment from, MemorySegment to);

  /**
   * Repeats a pattern.
   *
   * @param to of this space, a multiple of {@code width} bytes
   * @param pattern its low bytes, little-endian
   * @param width 1, 2, 4 or 8 bytes
   */
  void fill(MemorySegment to, long pattern, int width);
}
