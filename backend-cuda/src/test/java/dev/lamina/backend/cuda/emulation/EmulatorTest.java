package dev.lamina.backend.cuda.emulation;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Holds the emulator to what CUDA and PTX say, by the kernels of {@code src/test/cuda}. */
class EmulatorTest {
  private static Arena arena;
  private static HostKernels kernels;

  private final MemorySegment x = arena.allocate(4 * 1024, 16);
  private final MemorySegment y = arena.allocate(4 * 1024, 16);
  private final MemorySegment ints = arena.allocate(4 * 1024, 16);
  private final MemorySegment params = arena.allocate(32, 16);

  @BeforeAll
  static void compile() throws IOException {
    Path compiled = HostCompiler.find().compile(Path.of("src/test/cuda/probes.cu"));
    arena = Arena.ofShared();
    kernels = new HostKernels(compiled, arena);
  }

  @AfterAll
  static void unload() {
    if (arena != null) {
      arena.close();
    }
  }

  @BeforeEach
  void pointParamsToMemory() {
    params.set(ValueLayout.ADDRESS, 0, x);
    params.set(ValueLayout.ADDRESS, 8, y);
    params.set(ValueLayout.ADDRESS, 16, ints);
  }

  private String launch(String kernel, int grid, int threads, int sharedBytes) {
    return kernels.launch(kernel, params, grid, threads, sharedBytes);
  }

  private int number(int i) {
    return ints.getAtIndex(ValueLayout.JAVA_INT, i);
  }

  private float result(int i) {
    return y.getAtIndex(ValueLayout.JAVA_FLOAT, i);
  }

  @Test
  void threadsThatEndEarly_areNotWaitedFor() {
    float[] sums = new float[3];
    for (int i = 0; i < 300; i++) {
      x.setAtIndex(ValueLayout.JAVA_FLOAT, i, i);
      sums[i / 100] += i;
    }
    assertThat(launch("early_exit", 3, 128, 0)).isEmpty();
    for (int b = 0; b < 3; b++) {
      assertThat(result(b)).isEqualTo(sums[b]);
    }
  }

  @Test
  void warpOperations_exchangeAsCudaSays() {
    assertThat(launch("warp_ops", 1, 32, 0)).isEmpty();
    int everyThird = 0;
    for (int lane = 0; lane < 32; lane += 3) {
      everyThird |= 1 << lane;
    }
    for (int lane = 0; lane < 32; lane++) {
      int five = lane / 5;
      int same = five == 6 ? 0xC000_0000 : 0x1F << 5 * five;
      assertThat(number(lane)).isEqualTo(5);
      assertThat(number(32 + lane)).isEqualTo(lane ^ 9);
      assertThat(number(64 + lane)).isEqualTo(lane < 3 ? lane : lane - 3);
      assertThat(number(96 + lane)).isEqualTo(lane % 8 > 4 ? lane : lane + 3);
      assertThat(number(128 + lane)).isEqualTo(everyThird);
      assertThat(number(160 + lane)).isEqualTo(31 * 16);
      assertThat(number(192 + lane)).isEqualTo(same);
      assertThat(number(224 + lane)).isEqualTo(lane < 16 ? 15 : 31);
    }
  }

  @Test
  void votes_countTheWholeBlock() {
    assertThat(launch("votes", 2, 96, 0)).isEmpty();
    assertThat(new int[] {number(0), number(1), number(2), number(3), number(4)})
        .containsExactly(48, 1, 0, 96, 95);
    assertThat(result(0)).isEqualTo(96);
  }

  @Test
  void barriersThatWouldHang_areReported() {
    assertThat(launch("diverged_barrier", 1, 64, 0))
        .contains("kernel diverged_barrier, block (0, 0, 0)", "__syncthreads is diverged");
    assertThat(launch("hung_barrier", 1, 64, 0))
        .contains("kernel hung_barrier", "hangs", "thread 40 waits in barrierSync");
    assertThat(launch("spin_forever", 1, 32, 0)).contains("waits for memory that nobody writes");
    assertThat(launch("early_exit", 3, 128, 0)).as("a launch after failures").isEmpty();
  }

  @Test
  void sharedMemory_beginsAsNanAndEndsWhereItWasAskedTo() {
    assertThat(launch("past_shared", 1, 64, 260)).isEmpty();
    assertThat(launch("past_shared", 1, 64, 256))
        .contains("wrote 0 bytes behind its 256 of shared memory");
    assertThat(launch("unwritten_shared", 1, 64, 256)).isEmpty();
    for (int i = 0; i < 128; i++) {
      assertThat(result(i)).isNaN();
    }
  }

  @Test
  void launches_areHeldToTheBounds() {
    assertThat(launch("votes", 1, 97, 0)).contains("cannot launch", "at most 96");
    assertThat(launch("votes", 0, 96, 0)).contains("cannot launch (0, 1, 1) blocks");
  }

  @Test
  void reversedTurns_showAMissingBarrier() {
    int[] forward = new int[64];
    int[] backward = new int[64];
    launch("missing_barrier", 1, 64, 0);
    Arrays.setAll(forward, this::number);
    kernels.reverse(true);
    launch("missing_barrier", 1, 64, 0);
    kernels.reverse(false);
    Arrays.setAll(backward, this::number);
    assertThat(backward).isNotEqualTo(forward);
  }

  @Test
  void tensorProduct_isTheMatrixProduct() {
    for (int i = 0; i < 384; i++) {
      x.setAtIndex(ValueLayout.JAVA_FLOAT, i, i * 7 % 23 - 11);
    }
    assertThat(launch("tensor_product", 1, 32, 0)).isEmpty();
    for (int i = 0; i < 16; i++) {
      for (int j = 0; j < 8; j++) {
        float sum = 1;
        for (int k = 0; k < 16; k++) {
          sum +=
              x.getAtIndex(ValueLayout.JAVA_FLOAT, 16 * i + k)
                  * x.getAtIndex(ValueLayout.JAVA_FLOAT, 256 + 8 * k + j);
        }
        assertThat(result(8 * i + j)).isEqualTo(sum);
        assertThat(result(128 + 8 * i + j)).isEqualTo(sum);
      }
    }
  }

  @Test
  void asynchronousCopies_landAtTheWait() {
    for (int i = 0; i < 256; i++) {
      x.setAtIndex(ValueLayout.JAVA_FLOAT, i, i);
    }
    assertThat(launch("async_copy", 1, 32, 0)).isEmpty();
    for (int i = 0; i < 128; i++) {
      assertThat(result(i)).isEqualTo(i);
      assertThat(result(128 + i)).isEqualTo(i > 0 && i < 4 ? 0 : 128 + i);
      assertThat(result(256 + i)).as("before the wait").isNaN();
    }
  }
}
