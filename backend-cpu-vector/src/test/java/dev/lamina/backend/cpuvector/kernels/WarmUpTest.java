package dev.lamina.backend.cpuvector.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.backend.cpuvector.kernels.WarmUp.Subject;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class WarmUpTest {
  private final List<String> events = new ArrayList<>();

  /** What the kernels below have allocated. */
  private long heap;

  /** A kernel that allocates in its first runs and counts all of them. */
  private final class Kernel implements Runnable {
    private final long boxedRuns;
    private long runs;

    Kernel(long boxedRuns) {
      this.boxedRuns = boxedRuns;
    }

    @Override
    public void run() {
      if (runs++ == 0) {
        events.add("first run");
      }
      if (runs <= boxedRuns) {
        heap += 16;
      }
    }
  }

  /** Wanted until it is switched over. */
  private final class Wanted {
    private final String name;
    private final List<Kernel> kernels;
    private boolean warm;

    Wanted(String name, Kernel... kernels) {
      this.name = name;
      this.kernels = List.of(kernels);
    }

    Subject subject() {
      return new Subject(
          name,
          () -> !warm,
          () -> kernels.stream().map(Trial::new).toList(),
          () -> {
            warm = true;
            events.add(name + " switched");
          });
    }
  }

  private List<String> warm(Subject... subjects) {
    return new WarmUp(List.of(subjects), () -> heap).run(() -> events.add("pause"));
  }

  @Test
  void aKernelThatAllocates_staysCold_andIsSwitchedAfterOneCleanRound() {
    Kernel kernel = new Kernel(3 * Trial.RUNS + 1);

    assertThat(warm(new Wanted("dot", kernel).subject())).isEmpty();

    assertThat(events).containsExactly("pause", "first run", "dot switched");
    assertThat(kernel.runs).isEqualTo(5 * Trial.RUNS);
  }

  @Test
  void nothingRuns_beforeThePause() {
    warm(new Wanted("dot", new Kernel(0)).subject());

    assertThat(events.getFirst()).isEqualTo("pause");
  }

  @Test
  void aKernelOfTwoForms_waitsForTheSlowerOne_andTheFasterRunsNoMore() {
    Kernel fast = new Kernel(0);
    Kernel slow = new Kernel(9 * Trial.RUNS);

    warm(new Wanted("dot", fast, slow).subject());

    assertThat(fast.runs).isEqualTo(Trial.RUNS);
    assertThat(slow.runs).isEqualTo(10 * Trial.RUNS);
    assertThat(events).containsOnlyOnce("dot switched");
  }

  @Test
  void aKernelThatIsNeverCompiled_staysScalar_andDoesNotHoldUpOthers() {
    Wanted never = new Wanted("tile", new Kernel(Long.MAX_VALUE));
    Wanted late = new Wanted("dot", new Kernel(5));

    assertThat(warm(never.subject(), late.subject())).containsExactly("tile");

    assertThat(never.warm).isFalse();
    assertThat(late.warm).isTrue();
    assertThat(WarmUp.stayedScalar(List.of("tile")))
        .isEqualTo(
            "cpu-vector: the vector kernels [tile] still allocate after 640000 runs, C2 does not"
                + " compile them; scalar code goes on in their place, slower; start with the JVM"
                + " flags of bin/lamina");
  }

  @Test
  void aKernelWantedMeanwhile_isWarmedToo() {
    Wanted second = new Wanted("gates", new Kernel(5));
    Wanted first = new Wanted("dot", new Kernel(5 * Trial.RUNS));
    Subject later = second.subject();
    Subject meanwhile =
        new Subject(
            later.name(),
            () -> first.kernels.getFirst().runs > 2 * Trial.RUNS && later.isWanted().getAsBoolean(),
            later.trials(),
            later.switchOver());

    warm(first.subject(), meanwhile);

    assertThat(events).contains("dot switched", "gates switched");
  }

  @Test
  void aKernelWithoutForms_isSwitchedAtOnce() {
    warm(new Wanted("pack").subject());

    assertThat(events).containsExactly("pause", "pack switched");
  }

  @Test
  void everyRealKernel_endsUpAllocatingNothing() {
    com.sun.management.ThreadMXBean threads =
        (com.sun.management.ThreadMXBean) java.lang.management.ManagementFactory.getThreadMXBean();
    try (Arena arena = Arena.ofShared()) {
      Trials trials = new Trials(arena);
      List<Subject> subjects = new ArrayList<>();
      for (HotKernel k : HotKernel.values()) {
        boolean[] warm = new boolean[1];
        subjects.add(
            new Subject(k.name(), () -> !warm[0], () -> trials.of(k), () -> warm[0] = true));
      }

      assertThat(new WarmUp(subjects, threads::getCurrentThreadAllocatedBytes).run(() -> {}))
          .isEmpty();
    }
  }
}
