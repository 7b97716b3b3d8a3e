package dev.lamina.backend.cpuvector.kernels;

import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.QuantFormat;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.Set;

/**
 * Prints the speed of {@link Linear} beside what the same run measures as peak; no test. Arguments:
 * threads, then for quantised weights {@code blocks}, their names by commas, rows of x.
 */
final class LinearMeasure {
  private LinearMeasure() {}

  private static double seconds(int rounds, Runnable body) {
    double[] times = new double[rounds];
    for (int i = 0; i < rounds; i++) {
      long start = System.nanoTime();
      body.run();
      times[i] = (System.nanoTime() - start) * 1e-9;
    }
    Arrays.sort(times);
    return times[rounds / 2];
  }

  /**
   * Rows times matrices larger than the caches, all types in turn in each round, medians of rounds.
   */
  private static void decode(WorkerPool pool, PeakProbe probe, Set<String> only, int[] heights) {
    int n = 4096;
    int k = 4096;
    Linear linear = new Linear(pool);
    Random random = new Random(1);
    Linear.Rows x = Samples.normal(DType.F32, 512 * k, 0, random);
    Linear.Rows out = Samples.rows(DType.F32, 512 * n, 0);
    Map<String, Matrix> all = new LinkedHashMap<>();
    for (DType t : new DType[] {DType.BF16, DType.F16}) {
      all.put(t.text(), Matrix.dense(t, Samples.normal(t, n * k, 0, random).data(), 0, n, k));
    }
    for (QuantFormat f : QuantFormat.values()) {
      if (only.isEmpty() || only.contains(f.text())) {
        MemorySegment data = Samples.blocks(f, n * k / f.elements(), 0, random);
        all.put(f.text(), Matrix.blocked(f, data, 0, n, k));
      }
    }
    for (int m : heights) {
      int rounds = m > 64 ? 3 : 21;
      Map<String, double[]> times = new LinkedHashMap<>();
      all.forEach((name, w) -> {
        long until = System.nanoTime() + 700_000_000L;
        while (System.nanoTime() < until) {
          linear.run(x, m, w, null, out);
        }
        times.put(name, new double[rounds]);
      });
      for (int i = 0; i < rounds; i++) {
        int round = i;
        all.forEach(
            (name, w) -> times.get(name)[round] = seconds(1, () -> linear.run(x, m, w, null, out)));
      }
      double read = probe.readBytesPerSecond();
      double peak = probe.flopsPerSecond();
      all.forEach((name, w) -> {
        double[] sorted = times.get(name);
        Arrays.sort(sorted);
        double time = sorted[rounds / 2];
        System.out.printf(
            "%-12s %3d rows %8.2f ms, %5.1f Gw/s, %4.1f GB/s of %.1f, %3.0f%% of FMA peak%n",
            name,
            m,
            time * 1e3,
            1e-9 * n * k / time,
            1e-9 * n * w.rowBytes / time,
            read * 1e-9,
            100 * 2.0 * n * k * m / time / peak);
      });
    }
  }

  public static void main(String[] args) {
    int threads = args.length > 0 ? Integer.parseInt(args[0]) : 1;
    for (HotKernel k : HotKernel.values()) {
      k.setWarm(args.length < 2);
    }
    try (WorkerPool pool = new WorkerPool(threads)) {
      PeakProbe probe = new PeakProbe(pool);
      if (args.length > 1 && args[1].equals("blocks")) {
        // As in a process that serves: each kernel by itself first.
        try (Arena arena = Arena.ofShared()) {
          for (HotKernel k : HotKernel.values()) {
            k.want();
          }
          WarmUp.ofKernels(arena).run(() -> {});
        }
        Set<String> only = args.length > 2 ? Set.of(args[2].split(",")) : Set.of();
        int[] heights = args.length > 3 ? new int[] {Integer.parseInt(args[3])} : new int[] {1, 8};
        decode(pool, probe, only, heights);
        return;
      }
      Linear linear = new Linear(pool);
      Random random = new Random(1);
      int[][] shapes = {{512, 512}, {256, 512}, {1536, 512}, {512, 1536}, {32768, 512}};
      for (DType type : Samples.TYPES) {
        for (int[] s : shapes) {
          int n = s[0];
          int k = s[1];
          Linear.Rows w = Samples.normal(type, n * k, 0, random);
          Matrix matrix = Matrix.dense(type, w.data(), 0, n, k);
          Linear.Rows x = Samples.normal(DType.F32, 512 * k, 0, random);
          StringBuilder line = new StringBuilder("%4s %6d x %4d".formatted(type, n, k));
          for (int m : new int[] {1, 2, 4, 8, 16, 17, 32, 512}) {
            if (m > 64 && n > 10000) {
              continue;
            }
            Linear.Rows out = Samples.rows(DType.F32, m * n, 0);
            int inner = (int) Math.max(1, 20_000_000L / ((long) n * k * m / 8));
            Runnable body =
                () -> {
                  for (int i = 0; i < inner; i++) {
                    linear.run(x, m, matrix, null, out);
                  }
                };
            long until = System.nanoTime() + 400_000_000L;
            while (System.nanoTime() < until) {
              body.run();
            }
            double time = seconds(15, body) / inner;
            double flops = 2.0 * n * k * m / time;
            if (m <= 4) {
              line.append(" | %d %.1f Gw/s".formatted(m, 1e-9 * n * k / time));
            } else {
              line.append(" | %d %.0f%%".formatted(m, 100 * flops / probe.flopsPerSecond()));
            }
          }
          System.out.println(line);
        }
        System.out.printf(
            "peak %.0f GFLOP/s, read %.1f GB/s, %d threads%n",
            probe.flopsPerSecond() * 1e-9, probe.readBytesPerSecond() * 1e-9, threads);
      }
    }
  }
}
