package dev.lamina.backend.cpuvector.kernels;

import static dev.lamina.backend.cpuvector.kernels.Lanes.F;
import static dev.lamina.backend.cpuvector.kernels.Lanes.I;
import static dev.lamina.backend.cpuvector.kernels.Lanes.LE;
import static dev.lamina.backend.cpuvector.kernels.Lanes.VL;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Measures what this machine can do now with the threads of a pool: fused multiply-adds and reads.
 *
 * <p>Every call measures anew, about a quarter of a second: machines shared with others change
 * within minutes, so a ratio holds only within one run.
 */
public final class PeakProbe {
  private static final int FMA_ROUNDS = 20_000;
  private static final long BYTES_PER_THREAD = 128L << 20;
  private static final int SAMPLES = 9;

  private final WorkerPool pool;
  private final double[] sinks;

  /**
   * Makes a probe.
   *
   * @param pool threads to use
   */
  public PeakProbe(WorkerPool pool) {
    this.pool = pool;
    sinks = new double[pool.size()];
  }

  /** Runs both loops until they are compiled. */
  public void warmUp() {
    MemorySegment data = Arena.ofAuto().allocate(16L << 10, 64);
    long until = System.nanoTime() + 150_000_000;
    while (System.nanoTime() < until) {
      sinks[0] += fma(100, (float) sinks[0]) + read(data, 0, data.byteSize());
    }
  }

  /**
   * Measures arithmetic.
   *
   * @return F32 operations a second over all threads; a fused multiply-add counts two
   */
  public double flopsPerSecond() {
    double flops = 2.0 * 12 * VL * FMA_ROUNDS * 20 * pool.size();
    return flops / medianSeconds((index, worker) -> spinFma(index));
  }

  private void spinFma(int index) {
    for (int i = 0; i < 20; i++) {
      sinks[index] += fma(FMA_ROUNDS, (float) sinks[index]);
    }
  }

  /** Twelve chains hide the latency of four cycles on two units. */
  private static float fma(int rounds, float start) {
    FloatVector x = FloatVector.broadcast(F, 0.999f);
    FloatVector y = FloatVector.broadcast(F, 0.001f);
    FloatVector a = FloatVector.broadcast(F, start);
    FloatVector b = a.add(1);
    FloatVector c = a.add(2);
    FloatVector d = a.add(3);
    FloatVector e = a.add(4);
    FloatVector f = a.add(5);
    FloatVector g = a.add(6);
    FloatVector h = a.add(7);
    FloatVector i = a.add(8);
    FloatVector j = a.add(9);
    FloatVector k = a.add(10);
    FloatVector l = a.add(11);
    for (int n = 0; n < rounds; n++) {
      a = a.fma(x, y);
      b = b.fma(x, y);
      c = c.fma(x, y);
      d = d.fma(x, y);
      e = e.fma(x, y);
      f = f.fma(x, y);
      g = g.fma(x, y);
      h = h.fma(x, y);
      i = i.fma(x, y);
      j = j.fma(x, y);
      k = k.fma(x, y);
      l = l.fma(x, y);
    }
    FloatVector sum = a.add(b).add(c).add(d).add(e).add(f).add(g).add(h).add(i).add(j).add(k);
    return sum.add(l).lane(0);
  }

  /**
   * Measures reading of memory, each thread a range of its own far larger than the caches.
   *
   * @return bytes a second over all threads
   */
  public double readBytesPerSecond() {
    try (Arena arena = Arena.ofShared()) {
      MemorySegment data = arena.allocate(BYTES_PER_THREAD * pool.size(), 64);
      data.fill((byte) 1);
      double seconds =
          medianSeconds((index, worker) ->
              sinks[index] += read(data, BYTES_PER_THREAD * index, BYTES_PER_THREAD));
      return BYTES_PER_THREAD * (double) pool.size() / seconds;
    }
  }

  private static int read(MemorySegment data, long from, long bytes) {
    IntVector a = IntVector.zero(I);
    IntVector b = a;
    IntVector c = a;
    IntVector d = a;
    long step = 4L * VL;
    for (long p = from; p < from + bytes; p += 4 * step) {
      a = a.lanewise(VectorOperators.XOR, IntVector.fromMemorySegment(I, data, p, LE));
      b = b.lanewise(VectorOperators.XOR, IntVector.fromMemorySegment(I, data, p + step, LE));
      c = c.lanewise(VectorOperators.XOR, IntVector.fromMemorySegment(I, data, p + 2 * step, LE));
      d = d.lanewise(VectorOperators.XOR, IntVector.fromMemorySegment(I, data, p + 3 * step, LE));
    }
    return a.add(b).add(c).add(d).lane(0);
  }

  private double medianSeconds(WorkerPool.Task task) {
    double[] seconds = new double[SAMPLES];
    pool.beginStep();
    try {
      for (int i = -2; i < SAMPLES; i++) {
        long start = System.nanoTime();
        pool.forEach(pool.size(), task);
        if (i >= 0) {
          seconds[i] = (System.nanoTime() - start) * 1e-9;
        }
      }
    } finally {
      pool.endStep();
    }
    Arrays.sort(seconds);
    return seconds[SAMPLES / 2];
  }
}
