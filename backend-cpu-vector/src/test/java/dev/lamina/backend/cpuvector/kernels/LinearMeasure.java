package dev.lamina.backend.cpuvector.kernels;

import dev.lamina.spi.ir.DType;
import java.util.Arrays;
import java.util.Random;

/** Prints the speed of {@link Linear} beside what the same run measures as peak; no test. */
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

  public static void main(String[] args) {
    int threads = args.length > 0 ? Integer.parseInt(args[0]) : 1;
    for (HotKernel k : HotKernel.values()) {
      k.setWarm(args.length < 2);
    }
    try (WorkerPool pool = new WorkerPool(threads)) {
      PeakProbe probe = new PeakProbe(pool);
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
