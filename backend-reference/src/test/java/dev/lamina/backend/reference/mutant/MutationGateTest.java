package dev.lamina.backend.reference.mutant;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.conformance.Case;
import dev.lamina.conformance.Level;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * A kit that passes everything proves nothing: each bug must fail a case that is meant to see it.
 */
class MutationGateTest {
  private static final MutationGate GATE = new MutationGate();

  /** What one mutant's hunts found, a list a seed. */
  private record Hunt(Mutant mutant, List<List<MutationGate.Kill>> kills) {}

  @TestFactory
  Stream<DynamicTest> everyMutant_isSeenWithEverySeed() throws InterruptedException {
    List<Callable<Hunt>> hunts = new ArrayList<>();
    for (Mutant mutant : asked()) {
      List<Long> seeds = seeds(mutant);
      hunts.add(() -> new Hunt(mutant, GATE.hunt(mutant, seeds)));
    }
    return MutationGate.inParallel(hunts, hunt -> {}).stream()
        .map(hunt -> DynamicTest.dynamicTest(hunt.mutant.name(), () -> assertSeen(hunt)));
  }

  /** All but half of the changes of the SDK's code: each is loaded anew and runs cold. */
  private static List<Mutant> asked() {
    List<Mutant> all = Mutants.all();
    List<Mutant> asked = new ArrayList<>();
    for (int i = 0; i < all.size(); i++) {
      if (i % 2 == 0 || !isOfCode(all.get(i))) {
        asked.add(all.get(i));
      }
    }
    return asked;
  }

  private static boolean isOfCode(Mutant mutant) {
    return mutant.fault() instanceof Fault.OfCode;
  }

  private static List<Long> seeds(Mutant mutant) {
    return isOfCode(mutant) ? MutationGate.SEEDS.subList(0, 1) : MutationGate.SEEDS;
  }

  private static void assertSeen(Hunt hunt) {
    for (int i = 0; i < hunt.kills.size(); i++) {
      assertThat(hunt.kills.get(i))
          .as(
              "failures of %s (%s) at seed %d among %s",
              hunt.mutant.name(),
              hunt.mutant.bug(),
              MutationGate.SEEDS.get(i),
              hunt.mutant.killers())
          .isNotEmpty();
    }
  }

  @Test
  void backendWithoutABug_passesWhatMutantsFail() {
    List<Case> composites = GATE.cases(1).stream().filter(c -> c.level() == Level.L2).toList();
    assertThat(MutationGate.run(new MutantBackend(Mutant.NONE), composites, 1)).isEmpty();
  }

  @Test
  void deviceWithoutABug_passesWhatMutantsFail() {
    Mutant right =
        new Mutant("none", "right", "none", List.of("*"), new Fault.OfDevice(FaultyDevice::new));
    List<Case> lifecycles = GATE.cases(1).stream().filter(c -> c.level() == Level.L0).toList();
    assertThat(MutationGate.run(new MutantBackend(right), lifecycles, 1)).isEmpty();
  }

  @Test
  void mutants_areManyAndEachIsOneBugWithOneName() {
    List<Mutant> mutants = Mutants.all();
    Set<String> names = new HashSet<>();
    mutants.forEach(m -> names.add(m.name()));
    PendingMutants.all().forEach(p -> names.add(p.name()));
    assertThat(names).hasSize(mutants.size() + PendingMutants.all().size());
    assertThat(mutants).hasSizeGreaterThanOrEqualTo(60);
  }

  @Test
  void everyMutant_hasCasesThatAreMeantToSeeIt() {
    assertThat(Mutants.all()).allMatch(m -> !GATE.meantFor(m, 1).isEmpty());
  }
}
