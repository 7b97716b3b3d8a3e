package dev.lamina.backend.cuda.gpu;

import dev.lamina.backend.cuda.driver.CudaException;
import dev.lamina.backend.cuda.driver.Driver;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;

/**
 * Pinned memory through which the host's bytes reach the device. A copy takes a lane of its own:
 * pieces in turn, one filled while others are on their way. Several threads copy side by side:
 * eight of them keep an H200's link at 51 to 53 of its 55 GB/s, one at 9. Thread-safe.
 *
 * <p>Registering windows of a mapped file in place of copying them reached 12 to 23 GB/s there:
 * pinning and unpinning pages takes longer than copying them.
 */
final class Staging {
  /** Lanes at most; a thread more waits for one. */
  private static final int MAX_LANES = 8;

  /** Larger copies take a lane of large pieces. */
  private static final long SMALL_BYTES = 1 << 20;

  private static final long LARGE_PIECE = 4 << 20;
  private static final int LARGE_PIECES = 2;

  /** So many that a step's inputs find a piece whose last copy is long done. */
  private static final int SMALL_PIECES = 16;

  private static final long SMALL_PIECE = SMALL_BYTES / 4;

  private final Gpu gpu;
  private final Driver driver;
  private final Lane small;
  private final ArrayDeque<Lane> free = new ArrayDeque<>();
  private final List<Lane> large = new ArrayList<>();

  /** Pieces of pinned memory, each with an event behind its last copy. */
  private final class Lane {
    final MemorySegment pinned;
    final long piece;
    final long[] copied;
    int turn;

    Lane(int pieces, long piece) throws CudaException {
      this.piece = piece;
      this.copied = new long[pieces];
      this.pinned = driver.memHostAlloc(pieces * piece, Driver.HOST_PORTABLE);
      try {
        for (int i = 0; i < pieces; i++) {
          copied[i] = driver.eventCreate(false);
        }
      } catch (CudaException e) {
        close();
        throw e;
      }
    }

    void copyIn(MemorySegment host, long to) throws CudaException {
      for (long at = 0; at < host.byteSize(); at += piece) {
        long n = Math.min(piece, host.byteSize() - at);
        MemorySegment room = pinned.asSlice(turn * piece, n);
        driver.eventSynchronize(copied[turn]);
        room.copyFrom(host.asSlice(at, n));
        driver.memcpyHtoDAsync(to + at, room, gpu.memoryStream());
        driver.eventRecord(copied[turn], gpu.memoryStream());
        turn = (turn + 1) % copied.length;
      }
    }

    void copyOut(long from, MemorySegment host) throws CudaException {
      for (int i = 0; i < copied.length; i++) {
        driver.eventSynchronize(copied[i]);
      }
      for (long at = 0; at < host.byteSize(); at += pinned.byteSize()) {
        long n = Math.min(pinned.byteSize(), host.byteSize() - at);
        MemorySegment room = pinned.asSlice(0, n);
        driver.memcpyDtoHAsync(room, from + at, gpu.memoryStream());
        driver.streamSynchronize(gpu.memoryStream());
        host.asSlice(at, n).copyFrom(room);
      }
    }

    void close() throws CudaException {
      for (int i = 0; i < copied.length && copied[i] != 0; i++) {
        driver.eventDestroy(copied[i]);
      }
      driver.memFreeHost(pinned);
    }
  }

  Staging(Gpu gpu) throws CudaException {
    this.gpu = gpu;
    this.driver = gpu.driver();
    this.small = new Lane(SMALL_PIECES, SMALL_PIECE);
  }

  /**
   * Copies to the device, in its order of work.
   *
   * @param host free for other use when this returns
   * @param to device address
   */
  void copyIn(MemorySegment host, long to) throws CudaException {
    if (host.byteSize() <= SMALL_BYTES) {
      synchronized (small) {
        small.copyIn(host, to);
      }
      return;
    }
    Lane lane = take();
    try {
      lane.copyIn(host, to);
    } finally {
      give(lane);
    }
  }

  /**
   * Copies from the device, and waits.
   *
   * @param from device address
   * @param host any memory
   */
  void copyOut(long from, MemorySegment host) throws CudaException {
    Lane lane = take();
    try {
      lane.copyOut(from, host);
    } finally {
      give(lane);
    }
  }

  private synchronized Lane take() throws CudaException {
    while (free.isEmpty() && large.size() == MAX_LANES) {
      try {
        wait();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException("copy: interrupted while all lanes were in use", e);
      }
    }
    if (free.isEmpty()) {
      Lane made = new Lane(LARGE_PIECES, LARGE_PIECE);
      large.add(made);
      return made;
    }
    return free.removeLast();
  }

  private synchronized void give(Lane lane) {
    free.addLast(lane);
    notifyAll();
  }

  /** Gives the pinned memory back, once all copies are done. */
  synchronized void close() {
    gpu.use();
    try {
      driver.streamSynchronize(gpu.memoryStream());
      small.close();
      for (Lane lane : large) {
        lane.close();
      }
    } catch (CudaException e) {
      throw Failures.unchecked("close", e);
    }
  }
}
