package dev.lamina.backend.cpuvector.kernels;

import static dev.lamina.backend.cpuvector.kernels.Lanes.NR;
import static dev.lamina.backend.cpuvector.kernels.Lanes.VL;

import dev.lamina.spi.ir.DType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;

/**
 * Runs wanted vector kernels on small dummies until they are faster than their twins, then switches
 * to them.
 *
 * <p>One daemon thread, which ends when nothing wanted is cold; a later want starts it again. Some
 * of the dummies lie in a mapped file, others not: a kernel that has seen one kind of segment only
 * would be thrown out of compiled code by the other.
 */
public final class WarmUp {
  private static final int DEPTH = 64;
  private static final long GIVE_UP_NANOS = 60_000_000_000L;
  private static final long DELAY_NANOS = 1_000_000_000L;
  private static volatile boolean running;

  private final List<Trial> trials = new ArrayList<>();
  private final Arena arena;
  private final MemorySegment[] memories;
  private final Set<HotKernel> prepared = EnumSet.noneOf(HotKernel.class);

  /** A vector form beside its twin. */
  private static final class Trial {
    private final HotKernel kernel;
    private final Runnable vector;
    private final Runnable twin;
    private long bestVector = Long.MAX_VALUE;
    private long bestTwin = Long.MAX_VALUE;

    Trial(HotKernel kernel, Runnable vector, Runnable twin) {
      this.kernel = kernel;
      this.vector = vector;
      this.twin = twin;
    }

    boolean isFast() {
      return bestVector < bestTwin;
    }

    void round() {
      long until = System.nanoTime() + 2_000_000;
      while (!isFast() && System.nanoTime() < until) {
        bestVector = Math.min(bestVector, time(vector));
        // The twin's time is only a yardstick; a few runs show it.
        bestTwin = Math.min(bestTwin, time(twin));
      }
    }

    private static long time(Runnable body) {
      long start = System.nanoTime();
      body.run();
      return System.nanoTime() - start;
    }
  }

  private WarmUp(Arena arena) {
    this.arena = arena;
    memories = new MemorySegment[] {arena.allocate(64 << 10, 64), mapped(arena)};
  }

  /**
   * Whether kernels are being warmed.
   *
   * @return true from a want of a cold kernel until all wanted ones are warm
   */
  static boolean isRunning() {
    return running;
  }

  /** Warms what is wanted, in the background. */
  public static synchronized void start() {
    if (running) {
      return;
    }
    running = true;
    Thread.ofPlatform().daemon().name("lamina-cpu-warm-up").start(WarmUp::work);
  }

  private static void work() {
    // A short answer is over by then: it gets the processors to itself.
    LockSupport.parkNanos(DELAY_NANOS);
    try (Arena arena = Arena.ofShared()) {
      WarmUp warmUp = new WarmUp(arena);
      long until = System.nanoTime() + GIVE_UP_NANOS;
      while (warmUp.round()) {
        if (System.nanoTime() > until) {
          log()
              .log(
                  System.Logger.Level.WARNING,
                  "cpu-vector: the vector kernels {0} stayed slower than scalar code; using scalar code",
                  warmUp.cold());
          return;
        }
      }
    } finally {
      synchronized (WarmUp.class) {
        running = false;
      }
    }
  }

  private List<HotKernel> cold() {
    return trials.stream().map(t -> t.kernel).distinct().toList();
  }

  /** One turn of every cold trial; returns whether there were any. */
  private boolean round() {
    for (HotKernel k : HotKernel.values()) {
      if (k.isWanted() && prepared.add(k)) {
        prepare(k);
      }
    }
    boolean any = !trials.isEmpty();
    for (Trial t : trials) {
      t.round();
    }
    Set<HotKernel> slow = EnumSet.noneOf(HotKernel.class);
    for (Trial t : trials) {
      if (!t.isFast()) {
        slow.add(t.kernel);
      }
    }
    for (Trial t : trials) {
      if (!slow.contains(t.kernel)) {
        t.kernel.setWarm(true);
      }
    }
    trials.removeIf(t -> t.kernel.isWarm());
    return any;
  }

  private static MemorySegment mapped(Arena arena) {
    try {
      Path file = Files.createTempFile("lamina-warm-up", ".bin");
      try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
        channel.truncate(0);
        channel.write(java.nio.ByteBuffer.allocate(64 << 10));
      }
      try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
        return channel.map(FileChannel.MapMode.READ_ONLY, 0, 64 << 10, arena);
      } finally {
        Files.delete(file);
      }
    } catch (IOException e) {
      log().log(System.Logger.Level.DEBUG, "cpu-vector: no mapped file to warm up on", e);
      return arena.allocate(64 << 10, 64);
    }
  }

  private void prepare(HotKernel kernel) {
    switch (kernel) {
      case TILE -> tiles();
      case ROWS -> rows();
      case GATES -> gates();
      case DOT_F32 -> dots(kernel, DType.F32);
      case DOT_F16 -> dots(kernel, DType.F16);
      case DOT_BF16 -> dots(kernel, DType.BF16);
      case PACK_F32 -> pack(kernel, DType.F32);
      case PACK_F16 -> pack(kernel, DType.F16);
      case PACK_BF16 -> pack(kernel, DType.BF16);
    }
  }

  private void tiles() {
    float[] w = new float[DEPTH * NR];
    float[] c = new float[Lanes.MR * NR];
    Operand x = new Operand().set(new float[Lanes.MR * DEPTH], DEPTH, NR);
    for (int rows : VectorTile.HEIGHTS) {
      if (rows <= Lanes.MR) {
        trials.add(
            new Trial(
                HotKernel.TILE,
                () -> VectorTile.rows(rows, w, 0, x, 0, DEPTH, c, 0),
                () -> ScalarTile.rows(rows, w, 0, x, 0, DEPTH, c, 0)));
      }
    }
  }

  private void dots(HotKernel kernel, DType type) {
    int n = 8 * NR;
    float[] x = new float[4 * n];
    float[] acc = new float[4 * VL];
    float[] sums = new float[NR];
    Matrix plain = Matrix.dense(type, memories[0], 0, 4, n);
    Matrix mapped = Matrix.dense(type, memories[1], 0, 4, n);
    if (type == DType.F32) {
      fourRows(kernel, plain, mapped, x);
    }
    trials.add(
        new Trial(
            kernel,
            () -> {
              VectorDot.one(plain, 0, x, 0, n, acc);
              VectorDot.one(mapped, 0, x, 0, n, acc);
            },
            () -> {
              ScalarDot.one(plain, 0, x, 0, n, sums, acc, 0);
              ScalarDot.one(mapped, 0, x, 0, n, sums, acc, 0);
            }));
    trials.add(
        new Trial(
            kernel,
            () -> {
              VectorDot.four(plain, 0, x, 0, n, n, acc);
              VectorDot.four(mapped, 0, x, 0, n, n, acc);
            },
            () -> {
              for (int i = 0; i < 4; i++) {
                ScalarDot.one(plain, 0, x, i * n, n, sums, acc, i * VL);
                ScalarDot.one(mapped, 0, x, i * n, n, sums, acc, i * VL);
              }
            }));
  }

  private void fourRows(HotKernel kernel, Matrix plain, Matrix mapped, float[] x) {
    int n = plain.cols;
    float[] acc = new float[4 * VL];
    float[] sums = new float[NR];
    trials.add(
        new Trial(
            kernel,
            () -> {
              VectorDot.rows(plain, 0, x, 0, n, acc);
              VectorDot.rows(mapped, 0, x, 0, n, acc);
            },
            () -> {
              for (int i = 0; i < 4; i++) {
                ScalarDot.one(plain, plain.row(i), x, 0, n, sums, acc, i * VL);
                ScalarDot.one(mapped, mapped.row(i), x, 0, n, sums, acc, i * VL);
              }
            }));
  }

  private void pack(HotKernel kernel, DType type) {
    if (!VectorPack.USABLE) {
      kernel.setWarm(true);
      return;
    }
    float[] panel = new float[DEPTH * NR];
    int[] square = new int[256];
    Matrix plain = Matrix.dense(type, memories[0], 0, 16, DEPTH);
    Matrix mapped = Matrix.dense(type, memories[1], 0, 16, DEPTH);
    trials.add(
        new Trial(
            kernel,
            () -> {
              VectorPack.rows16(plain, 0, 0, DEPTH, panel, 0, square);
              VectorPack.rows16(mapped, 0, 0, DEPTH, panel, 0, square);
            },
            () -> {
              Pack.columns(plain, 0, 16, 0, DEPTH, panel, 0, new int[0]);
              Pack.columns(mapped, 0, 16, 0, DEPTH, panel, 0, new int[0]);
            }));
  }

  private void rows() {
    float[] s = new float[8 * VL];
    float[] lanes = new float[VL];
    int n = s.length;
    float[] block = new float[16 * NR];
    trials.add(
        new Trial(
            HotKernel.ROWS,
            () -> VectorRows.expSum(s, 0, n, 0.5f, lanes),
            () -> ScalarRows.expSum(s, 0, n, 0.5f, lanes)));
    trials.add(
        new Trial(
            HotKernel.ROWS,
            () -> {
              VectorRows.logits(s, 0, n, 0.5f, 0, 0, 0);
              VectorRows.max(s, 0, n);
              VectorRows.sumOfSquares(s, 0, n, lanes);
              VectorRows.isFinite(s, 0, n);
              VectorRows.copy(memories[0], 0, 4L * NR, 4, NR, block, 0, NR);
              VectorRows.copy(memories[1], 0, 4L * NR, 4, NR, block, 0, NR);
            },
            () -> {
              ScalarRows.logits(s, 0, n, 0.5f, 0, 0, 0);
              ScalarRows.max(s, 0, n);
              ScalarRows.sumOfSquares(s, 0, n, lanes);
              ScalarRows.isFinite(s, 0, n);
              for (int i = 0; i < 4; i++) {
                Elements.load(DType.F32, memories[0], 4L * NR * i, block, i * NR, NR);
                Elements.load(DType.F32, memories[1], 4L * NR * i, block, i * NR, NR);
              }
            }));
  }

  private void gates() {
    float[] g = new float[8 * VL];
    float[] u = new float[8 * VL];
    trials.add(
        new Trial(
            HotKernel.GATES,
            () -> VectorGates.apply(Gates.Kind.SILU, g, u, g.length),
            () -> ScalarGates.apply(Gates.Kind.SILU, g, u, g.length)));
  }

  // Made when there is something to say: the first logger of a process costs its start 35 ms.
  private static System.Logger log() {
    return System.getLogger(WarmUp.class.getName());
  }
}
