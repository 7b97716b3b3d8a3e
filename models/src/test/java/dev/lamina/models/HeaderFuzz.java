package dev.lamina.models;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.lamina.models.checkpoint.ModelException;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Random;

/**
 * Feeds a reader mutations of a good file. Each is either read or refused by a {@link
 * ModelException} of one line, in time and memory that the size of the file justifies. Mutation
 * {@code n} of a seed is the same in every run; {@code -Dlamina.fuzz.mutations} sets how many.
 */
public final class HeaderFuzz {
  private static final int MUTATIONS = Integer.getInteger("lamina.fuzz.mutations", 100_000);
  private static final long MOST_NANOS = 5_000_000_000L;
  // Objects and a stack trace cost something whatever the size.
  private static final long FIXED_BYTES = 256 << 10;
  private static final long BYTES_A_BYTE = 200;
  private static final long[] ODD_NUMBERS = {
    0,
    1,
    -1,
    2,
    31,
    32,
    33,
    255,
    256,
    65_535,
    1 << 20,
    Integer.MAX_VALUE,
    Integer.MIN_VALUE,
    0xFFFF_FFFFL,
    Long.MAX_VALUE,
    Long.MIN_VALUE,
    Long.MAX_VALUE / 2,
    1L << 32,
    1L << 61
  };

  private final byte[] good;
  private final int headerBytes;

  /** Reads a file, and all that its header lets it reach. */
  @FunctionalInterface
  public interface Reader {
    /** Throws ModelException if the file is refused; anything else is a fault. */
    void read(MemorySegment file) throws ModelException;
  }

  /**
   * Prepares mutations.
   *
   * @param good a file that is read
   * @param headerBytes the first bytes of it, where the mutations happen
   */
  public HeaderFuzz(byte[] good, int headerBytes) {
    this.good = good;
    this.headerBytes = headerBytes;
  }

  /** Runs all mutations of a seed; refused and read ones must both occur. */
  public void run(long seed, Reader reader) throws ModelException {
    reader.read(MemorySegment.ofArray(good));
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    int refused = 0;
    for (int n = 0; n < MUTATIONS; n++) {
      byte[] file = mutation(seed, n);
      long before = threads.getCurrentThreadAllocatedBytes();
      long start = threads.getCurrentThreadCpuTime();
      try {
        reader.read(MemorySegment.ofArray(file));
      } catch (ModelException e) {
        refused++;
        assertThat(e.getMessage()).startsWith("read ").doesNotContain("\n");
      } catch (RuntimeException | Error e) {
        throw new AssertionError("seed " + seed + " mutation " + n, e);
      }
      long nanos = threads.getCurrentThreadCpuTime() - start;
      long bytes = threads.getCurrentThreadAllocatedBytes() - before;
      if (nanos > MOST_NANOS || bytes > FIXED_BYTES + BYTES_A_BYTE * file.length) {
        throw new AssertionError(
            "seed %d mutation %d: %d ns of CPU time and %d bytes for a file of %d"
                .formatted(seed, n, nanos, bytes, file.length));
      }
    }
    assertThat(refused).isBetween(MUTATIONS / 4, MUTATIONS - 1);
  }

  private byte[] mutation(long seed, int n) {
    Random random = new Random(seed * 1_000_003 + n);
    byte[] file = good.clone();
    int changes = 1 + random.nextInt(3);
    for (int i = 0; i < changes; i++) {
      file = change(file, random);
    }
    return file;
  }

  private byte[] change(byte[] file, Random random) {
    if (file.length == 0) {
      return file;
    }
    int header = Math.min(headerBytes, file.length);
    int at = random.nextInt(header);
    int length = Math.min(1 + random.nextInt(24), file.length - at);
    return switch (random.nextInt(8)) {
      case 0 -> set(file, at, (byte) (file[at] ^ 1 << random.nextInt(8)));
      case 1 -> set(file, at, (byte) random.nextInt(256));
      case 2 -> number(file, at, 4, random);
      case 3 -> number(file, at, 8, random);
      case 4 -> Arrays.copyOf(file, random.nextInt(file.length + 1));
      case 5 -> splice(file, at, length, new byte[0]);
      case 6 -> splice(file, at, 0, Arrays.copyOfRange(file, at, at + length));
      default -> {
        int from = random.nextInt(header);
        int size = Math.min(length, file.length - from);
        yield splice(file, at, size, Arrays.copyOfRange(file, from, from + size));
      }
    };
  }

  private static byte[] set(byte[] file, int at, byte value) {
    file[at] = value;
    return file;
  }

  private static byte[] number(byte[] file, int at, int width, Random random) {
    if (at + width <= file.length) {
      ByteBuffer b = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
      long value = ODD_NUMBERS[random.nextInt(ODD_NUMBERS.length)];
      if (width == 4) {
        b.putInt(at, (int) value);
      } else {
        b.putLong(at, value);
      }
    }
    return file;
  }

  private static byte[] splice(byte[] file, int at, int remove, byte[] insert) {
    int end = Math.min(file.length, at + remove);
    byte[] changed = new byte[file.length - (end - at) + insert.length];
    System.arraycopy(file, 0, changed, 0, at);
    System.arraycopy(insert, 0, changed, at, insert.length);
    System.arraycopy(file, end, changed, at + insert.length, file.length - end);
    return changed;
  }
}
