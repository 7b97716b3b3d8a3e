package dev.lamina.spi;

/** Capabilities a device declares; the conformance kit tests presence and absence. */
public enum Cap {
  /** {@link Queue#record} works. */
  CAPTURE,
  /** Buffers give their bytes through {@link Buffer#host()}. */
  HOST_MAP,
  /** Copies between devices of one backend. */
  PEER_COPY,
  /** Collectives. */
  COLLECTIVES,
  /** The same executable on the same inputs gives the same bits. */
  RUN_TO_RUN,
  /** A row's bits do not depend on the other rows, the batch size or chunking. */
  BATCH_INVARIANT,
  /**
   * Subnormals of F32, BF16's among them, may be flushed to zero. What the conformance kit finds
   * kept counts as passed all the same.
   */
  FTZ,
  /**
   * Running out of memory leaves the device usable. The device keeps {@link
   * BackendOptions#memoryLimitBytes()}, so that the conformance kit can make it run out anywhere.
   */
  OOM_RECOVERABLE,
  /** A lost device can be opened again in this process. */
  LOST_RECOVERABLE,
  /** {@link Queue#submit} runs the command before it returns, if its waits are reached. */
  SYNCHRONOUS,
  /**
   * {@link Queue#submit} has read what it needs of a command when it returns, though the command
   * may run later: bindings may be changed and the source of an upload be written again. Holds for
   * commands whose waits are reached, or are signals of commands that this device has taken.
   */
  TAKEN_AT_SUBMIT
}
