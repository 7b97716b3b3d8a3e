package dev.lamina.backend.cuda;

import dev.lamina.backend.cuda.driver.BlasLt;
import dev.lamina.backend.cuda.driver.CudaException;
import dev.lamina.backend.cuda.driver.Driver;
import dev.lamina.backend.cuda.gpu.Gpu;
import dev.lamina.spi.DeviceInfo.Peak;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * What a GPU reaches at most, measured: read bandwidth by a kernel that only reads, and the rate of
 * products of 8192 x 8192 matrices in BF16 by cuBLASLt's first choice, where it is installed. The
 * matrices hold numbers that look normal: of constant ones a GPU multiplies a sixth more a second.
 */
final class Yardsticks {
  private static final long READ_BYTES = 2L << 30;
  private static final long SIDE = 8192;
  private static final int ROUNDS = 5;

  private final Gpu gpu;
  private final Driver driver;

  Yardsticks(Gpu gpu) {
    this.gpu = gpu;
    this.driver = gpu.driver();
  }

  Peak measure() throws CudaException {
    gpu.use();
    return new Peak(READ_BYTES / median(readRounds()), productRate());
  }

  /** Seconds of a round. */
  private interface Round {
    void submit() throws CudaException;
  }

  private double[] rounds(Round round) throws CudaException {
    double[] seconds = new double[ROUNDS];
    long start = driver.eventCreate(true);
    long end = driver.eventCreate(true);
    try {
      round.submit();
      for (int i = 0; i < ROUNDS; i++) {
        driver.eventRecord(start, gpu.stream());
        round.submit();
        driver.eventRecord(end, gpu.stream());
        driver.eventSynchronize(end);
        seconds[i] = driver.eventElapsedMillis(start, end) / 1e3;
      }
    } finally {
      driver.eventDestroy(start);
      driver.eventDestroy(end);
    }
    return seconds;
  }

  private static double median(double[] seconds) {
    double[] sorted = seconds.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }

  private double[] readRounds() throws CudaException {
    long kernel = gpu.function("yardstick", "read_all");
    long memory = driver.memAlloc(READ_BYTES);
    try {
      driver.memsetD8Async(memory, (byte) 1, READ_BYTES, gpu.stream());
      return rounds(() -> {
        gpu.params().i64(memory).i64(memory).i64(READ_BYTES / 16);
        gpu.launch(kernel, 8L * gpu.multiprocessors(), 1, 1, 512, 0);
      });
    } finally {
      driver.memFree(memory);
    }
  }

  /** Multiplications and additions a second; 0 without cuBLASLt. */
  private double productRate() throws CudaException {
    Optional<BlasLt> found = BlasLt.open();
    if (found.isEmpty()) {
      return 0;
    }
    long bytes = 2 * SIDE * SIDE;
    long noise = gpu.function("yardstick", "noise_bf16");
    try (BlasLt blas = found.get()) {
      BlasLt.Product product =
          new BlasLt.Product(
              BlasLt.Type.BF16, BlasLt.Type.BF16, SIDE, SIDE, SIDE, SIDE, SIDE, SIDE, false);
      List<BlasLt.Plan> plans = blas.plans(product, 32L << 20, 1);
      BlasLt.Plan plan = plans.getFirst();
      long memory = driver.memAlloc(3 * bytes + Math.max(256, plan.workspaceBytes()));
      try {
        gpu.params().i64(memory).i64(bytes);
        gpu.launchOver(noise, bytes, 256);
        double[] seconds =
            rounds(() ->
                plan.run(
                    memory,
                    memory + bytes,
                    0,
                    memory + 2 * bytes,
                    memory + 3 * bytes,
                    gpu.stream()));
        return 2.0 * SIDE * SIDE * SIDE / median(seconds);
      } finally {
        plan.close();
        driver.memFree(memory);
      }
    }
  }
}
