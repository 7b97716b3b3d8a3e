package dev.lamina.backend.cpuvector.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;

class WorkerPoolTest {
  @Test
  void forEach_runsEachPartOnce() {
    try (WorkerPool pool = new WorkerPool(3)) {
      for (int round = 0; round < 200; round++) {
        AtomicIntegerArray runs = new AtomicIntegerArray(round);
        pool.forEach(round, (index, worker) -> runs.incrementAndGet(index));
        for (int i = 0; i < round; i++) {
          assertThat(runs.get(i)).isEqualTo(1);
        }
      }
    }
  }

  @Test
  void forEach_givesDistinctWorkersBelowSize() {
    try (WorkerPool pool = new WorkerPool(4)) {
      AtomicIntegerArray busy = new AtomicIntegerArray(4);
      pool.beginStep();
      for (int round = 0; round < 100; round++) {
        pool.forEach(
            50,
            (index, worker) -> {
              assertThat(busy.incrementAndGet(worker)).isEqualTo(1);
              busy.decrementAndGet(worker);
            });
      }
      pool.endStep();
    }
  }

  @Test
  void forEach_letsEachThreadBeginWithItsShare_andTakeWhatOthersLeft() throws Exception {
    try (WorkerPool pool = new WorkerPool(2)) {
      CyclicBarrier bothBegan = new CyclicBarrier(2);
      CountDownLatch othersDone = new CountDownLatch(8);
      int[] workerOf = new int[10];
      pool.forEach(
          10,
          (index, worker) -> {
            workerOf[index] = worker;
            try {
              if (index % 5 == 0) {
                bothBegan.await(10, TimeUnit.SECONDS);
              }
              if (index == 5) {
                assertThat(othersDone.await(10, TimeUnit.SECONDS)).isTrue();
              }
            } catch (Exception e) {
              throw new IllegalStateException(e);
            }
            if (index % 5 != 0) {
              othersDone.countDown();
            }
          });
      assertThat(workerOf).containsExactly(0, 0, 0, 0, 0, 1, 0, 0, 0, 0);
    }
  }

  @Test
  void forEach_throwsWhatAPartThrew_andWorksAfterwards() {
    try (WorkerPool pool = new WorkerPool(2)) {
      assertThatThrownBy(() ->
              pool.forEach(
                  64,
                  (index, worker) -> {
                    if (index == 40) {
                      throw new IllegalStateException("part 40");
                    }
                  }))
          .isInstanceOf(IllegalStateException.class)
          .hasMessage("part 40");
      AtomicIntegerArray runs = new AtomicIntegerArray(8);
      pool.forEach(8, (index, worker) -> runs.incrementAndGet(index));
      assertThat(runs.toString()).isEqualTo("[1, 1, 1, 1, 1, 1, 1, 1]");
    }
  }

  @Test
  void beginStep_isRefusedAfterClose() {
    WorkerPool pool = new WorkerPool(2);
    pool.close();
    assertThatThrownBy(pool::beginStep).hasMessage("worker pool: closed");
  }

  @Test
  void new_refusesNoThreads() {
    assertThatThrownBy(() -> new WorkerPool(0))
        .hasMessage("worker pool: expected at least 1 thread, got 0");
  }
}
