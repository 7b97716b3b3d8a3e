package dev.lamina.backend.sdk.grid;

import dev.lamina.backend.sdk.BackendFailure;
import dev.lamina.backend.sdk.ProgramError;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A device that runs grids of blocks of threads, as {@link GridKernels} and kernels of a backend's
 * own see it: how kernels are found and launched, and the memory that launches share.
 *
 * <p>Launches come from one thread at a time, as the SDK's device runs commands, and what is
 * launched, copied and filled is done in that order. Memory may be taken by any thread. What goes
 * wrong on the device is thrown as {@link BackendFailure}.
 */
public abstract class GridDevice {
  /** Kernels whose programs can break a rule that only the device sees. */
  public enum Checked {
    /** Indices of a gather. */
    GATHER("gather"),
    /** Indices of a scatter. */
    SCATTER("scatter"),
    /** Starts of a slice. */
    SLICE("slice"),
    /** Starts of an update. */
    UPDATE("update"),
    /** Slots of a kv_append. */
    KV_APPEND("kv_append"),
    /** Slots of a recurrent op. */
    RECURRENT("recurrent state");

    private final String op;

    Checked(String op) {
      this.op = op;
    }
  }

  /** A report: 32 bits of code, 32 unused, 64 of what came, 64 of the limit. */
  private static final long FAULT_BYTES = 24;

  private static final long ALL_FAULTS_BYTES = Checked.values().length * FAULT_BYTES;
  private static final int INDEX_PAST_END = 1;
  private static final int DUPLICATE_INDEX = 2;

  /** Blocks a multiprocessor of a launch whose threads take elements in turn. */
  private static final long BLOCKS_A_MULTIPROCESSOR = 32;

  private final Params params = new Params(Arena.ofAuto());
  private final MemorySegment faultsHost = Arena.ofAuto().allocate(ALL_FAULTS_BYTES, 8);
  private long faults;
  private boolean checking;

  /** A device that is open. */
  protected GridDevice() {}

  /**
   * A kernel, loaded when it is first asked for. Any thread may ask.
   *
   * @param file source file, without its ending
   * @param name the kernel's
   * @return its handle, the same at each call
   */
  public abstract long function(String file, String name);

  /**
   * Launches a kernel with the struct that {@link #params} gave.
   *
   * @param function from {@link #function}
   * @param x blocks; nothing is launched if a count is 0
   * @param y blocks, at most 65535
   * @param z blocks, at most 65535
   * @param threads of a block
   * @param sharedBytes shared memory of a block beside what the kernel declares
   */
  public abstract void launch(long function, long x, long y, long z, int threads, int sharedBytes);

  /** What grids are sized by: multiprocessors, compute units. */
  public abstract int multiprocessors();

  /** Shared memory that each block may ask for. */
  public abstract int sharedBytes();

  /**
   * Memory that lives as long as the device.
   *
   * @param bytes at least 1
   * @return its address
   */
  public abstract long own(long bytes);

  /**
   * Scratch memory that all kernels share, valid until the next call. For launches of one kernel.
   *
   * @param bytes at least so many
   * @return its address
   */
  public abstract long scratch(long bytes);

  /**
   * Copies from the host and waits, at compile and for tables: no part of what is captured.
   *
   * @param host native memory
   * @param to address of as many bytes
   */
  public abstract void upload(MemorySegment host, long to);

  /**
   * Copies to the host, behind what was launched, and waits.
   *
   * @param from address
   * @param host native memory
   */
  public abstract void download(long from, MemorySegment host);

  /**
   * Copies within the device.
   *
   * @param from address
   * @param to address
   * @param bytes at least 0; the ranges do not overlap
   */
  public abstract void copy(long from, long to, long bytes);

  /**
   * Repeats a number.
   *
   * @param to address, a multiple of 4
   * @param value of 32 bits
   * @param count of numbers
   */
  public abstract void fill(long to, int value, long count);

  /** Makes the device current on the calling thread, where there is such a thing. */
  public void use() {}

  /** The struct of the next launch, empty. */
  public Params params() {
    return params.begin();
  }

  /** The struct as it stands, for {@link #launch}. */
  protected final Params launched() {
    return params;
  }

  /**
   * Launches a kernel whose threads take elements in turn.
   *
   * @param function from {@link #function}
   * @param elements at least 0
   * @param threads of a block
   */
  public void launchOver(long function, long elements, int threads) {
    long blocks = Math.ceilDiv(elements, threads);
    long most = BLOCKS_A_MULTIPROCESSOR * multiprocessors();
    launch(function, Math.min(blocks, most), 1, 1, threads, 0);
  }

  /**
   * Appends where a kernel reports a broken rule: nowhere, unless it is checked.
   *
   * @param to the struct
   * @param debug whether it is checked
   * @param op what the kernel does
   * @return the struct
   */
  public Params fault(Params to, boolean debug, Checked op) {
    if (!debug) {
      return to.address(0);
    }
    if (faults == 0) {
      faults = own(ALL_FAULTS_BYTES);
      clearFaults();
    }
    checking = true;
    return to.address(faults + op.ordinal() * FAULT_BYTES);
  }

  /**
   * After a run with checked kernels: waits for all work, throws what they reported.
   *
   * @throws ProgramError if a rule was broken
   */
  public void finish() {
    if (!checking) {
      return;
    }
    checking = false;
    download(faults, faultsHost);
    for (Checked op : Checked.values()) {
      long at = op.ordinal() * FAULT_BYTES;
      int code = faultsHost.get(ValueLayout.JAVA_INT, at);
      if (code != 0) {
        long got = faultsHost.get(ValueLayout.JAVA_LONG, at + 8);
        long limit = faultsHost.get(ValueLayout.JAVA_LONG, at + 16);
        clearFaults();
        throw new ProgramError(message(op.op, code, got, limit));
      }
    }
  }

  private void clearFaults() {
    fill(faults, 0, ALL_FAULTS_BYTES / Integer.BYTES);
  }

  private static String message(String op, int code, long got, long limit) {
    return switch (code) {
      case INDEX_PAST_END ->
          "%s: expected indices below %d, got %d; check the index tensor".formatted(op, limit, got);
      case DUPLICATE_INDEX -> "%s: expected distinct indices, got %d twice".formatted(op, got);
      default ->
          "%s: expected a box inside an axis of size %d, got index %d".formatted(op, limit, got);
    };
  }
}
