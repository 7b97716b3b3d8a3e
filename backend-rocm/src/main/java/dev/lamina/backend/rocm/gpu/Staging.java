package dev.lamina.backend.rocm.gpu;

import dev.lamina.backend.rocm.driver.Hip;
import dev.lamina.backend.rocm.driver.HipException;
import java.lang.foreign.MemorySegment;

/**
 * Pinned memory through which bytes reach the device and come back: pieces in turn, one filled
 * while others are on their way, each with an event behind its last copy. Thread-safe.
 */
final class Staging {
  private static final int PIECES = 8;
  private static final long PIECE_BYTES = 1 << 20;

  private final Hip hip;
  private final MemorySegment pinned;
  private final long[] copied = new long[PIECES];
  private int turn;

  Staging(Hip hip) throws HipException {
    this.hip = hip;
    pinned = hip.hostMalloc(PIECES * PIECE_BYTES);
    try {
      for (int i = 0; i < PIECES; i++) {
        copied[i] = hip.eventCreate();
      }
    } catch (HipException e) {
      close();
      throw e;
    }
  }

  private MemorySegment piece(long bytes) {
    return pinned.asSlice(turn * PIECE_BYTES, bytes);
  }

  /**
   * Copies to the device, in its order of work.
   *
   * @param host free for other use when this returns
   * @param to device address
   * @param stream of that order
   */
  synchronized void copyIn(MemorySegment host, long to, long stream) throws HipException {
    for (long at = 0; at < host.byteSize(); at += PIECE_BYTES) {
      long n = Math.min(PIECE_BYTES, host.byteSize() - at);
      hip.eventSynchronize(copied[turn]);
      piece(n).copyFrom(host.asSlice(at, n));
      hip.copyToDeviceAsync(to + at, piece(n), stream);
      hip.eventRecord(copied[turn], stream);
      turn = (turn + 1) % PIECES;
    }
  }

  /**
   * Copies from the device behind its work so far, and waits.
   *
   * @param from device address
   * @param host any memory
   * @param stream of that work
   */
  synchronized void copyOut(long from, MemorySegment host, long stream) throws HipException {
    hip.streamSynchronize(stream);
    for (long at = 0; at < host.byteSize(); at += pinned.byteSize()) {
      long n = Math.min(pinned.byteSize(), host.byteSize() - at);
      MemorySegment room = pinned.asSlice(0, n);
      hip.copyToHostAsync(room, from + at, stream);
      hip.streamSynchronize(stream);
      host.asSlice(at, n).copyFrom(room);
    }
  }

  /** Gives the memory back, once all copies are done. */
  void close() throws HipException {
    for (int i = 0; i < PIECES && copied[i] != 0; i++) {
      hip.eventDestroy(copied[i]);
    }
    hip.hostFree(pinned);
  }
}
