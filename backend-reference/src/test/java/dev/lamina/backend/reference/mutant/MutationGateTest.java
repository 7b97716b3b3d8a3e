package dev.lamina.backend.reference.mutant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.conformance.Case;
import dev.lamina.conformance.CaseId;
import dev.lamina.conformance.Context;
import dev.lamina.conformance.Level;
import dev.lamina.conformance.Outcome;
import dev.lamina.conformance.Rule;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
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
  /** The published score only says what to ask first. */
  private static final Path SCORE = Path.of("../docs/mutation-score.md");

  private static final MutationGate GATE = newGate();

  private static MutationGate newGate() {
    try {
      return new MutationGate(ScorePage.read(SCORE));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** What one mutant's hunts found, a list a seed. */
  private record Hunt(Mutant mutant, List<List<MutationGate.Kill>> kills) {}

  @TestFactory
  Stream<DynamicTest> everyMutant_isSeenWithEverySeed() throws InterruptedException {
    List<Callable<Hunt>> hunts = new ArrayList<>();
    for (Mutant mutant : Mutants.all()) {
      List<Long> seeds = seeds(mutant);
      hunts.add(() -> new Hunt(mutant, GATE.hunt(mutant, seeds)));
    }
    return MutationGate.inParallel(hunts, hunt -> {}).stream()
        .map(hunt -> DynamicTest.dynamicTest(hunt.mutant.name(), () -> assertSeen(hunt)));
  }

  /** One seed for the changes of code, each of which is loaded anew and runs cold. */
  private static List<Long> seeds(Mutant mutant) {
    return mutant.fault() instanceof Fault.OfCode
        ? MutationGate.SEEDS.subList(0, 1)
        : MutationGate.SEEDS;
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
  void failureThatNeedsNoBug_isNoKill() {
    CaseId id = CaseId.parse("matmul/1/f32/1x1x1/wrong/s1");
    Case wrong = new WrongCase(id);
    Mutant mutant = Mutants.all().getFirst();
    MutationGate.Kill kill = new MutationGate.Kill(wrong, "");
    assertThatThrownBy(() -> GATE.requireRight(mutant, kill))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("without the bug of " + mutant.name())
        .hasMessageContaining("the case itself is wrong");
  }

  /** Fails whatever it is asked of. */
  private record WrongCase(CaseId id) implements Case {
    @Override
    public Level level() {
      return Level.L1;
    }

    @Override
    public Set<Rule> rules() {
      return Set.of();
    }

    @Override
    public Outcome run(Context context) {
      throw new AssertionError("the case itself is wrong");
    }
  }

  @Test
  void publishedScore_namesACaseForMostMutants() throws IOException {
    Map<String, List<String>> published = ScorePage.read(SCORE);
    long known = Mutants.all().stream().filter(m -> published.containsKey(m.name())).count();
    assertThat(known).isGreaterThan(Mutants.all().size() / 2);
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
    List<String> ids = GATE.cases(1).stream().map(c -> c.id().toString()).toList();
    assertThat(Mutants.all()).allMatch(m -> ids.stream().anyMatch(m.isMeantFor()));
  }
}
