package dev.lamina.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.spi.ProbeResult;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SubsetTest {
  private static final List<Case> CASES = CaseCatalog.of(0).cases();
  private static final Set<CaseId> QUARTER = new Subset(Level.L2, 4).of(CASES);

  private static Set<String> ops(List<Case> cases) {
    return cases.stream().map(c -> c.id().op()).collect(Collectors.toSet());
  }

  private static List<Case> chosen(Level level) {
    return of(level).stream().filter(c -> QUARTER.contains(c.id())).toList();
  }

  private static List<Case> of(Level level) {
    return CASES.stream().filter(c -> c.level() == level).toList();
  }

  @Test
  void all_leavesNothingOut() {
    assertThat(Subset.ALL.of(CASES)).hasSize(CASES.size());
  }

  @Test
  void quarterOfALevel_hasAllBelowIt() {
    assertThat(chosen(Level.L0)).isEqualTo(of(Level.L0));
    assertThat(chosen(Level.L1)).isEqualTo(of(Level.L1));
  }

  @Test
  void quarterOfALevel_hasEveryOpOfIt() {
    assertThat(ops(chosen(Level.L2))).isEqualTo(ops(of(Level.L2)));
    int all = of(Level.L2).size();
    assertThat(chosen(Level.L2)).hasSizeBetween(all / 4, all / 3);
  }

  @Test
  void otherSeed_choosesOtherCases() {
    Set<String> others = names(new Subset(Level.L2, 4).of(CaseCatalog.of(1).cases()));
    assertThat(names(QUARTER)).isNotEqualTo(others).hasSameSizeAs(others);
  }

  private static Set<String> names(Set<CaseId> ids) {
    return ids.stream()
        .map(id -> id.op() + id.dtype() + id.shape() + id.attrs())
        .collect(Collectors.toSet());
  }

  @Test
  void shards_haveEachCaseOnce() {
    Subset quarter = new Subset(Level.L2, 4);
    List<Set<CaseId>> shards =
        IntStream.rangeClosed(1, 7).mapToObj(k -> quarter.shard(k, 7).of(CASES)).toList();
    assertThat(shards.stream().flatMap(Set::stream))
        .doesNotHaveDuplicates()
        .hasSameElementsAs(QUARTER);
    assertThat(shards)
        .allSatisfy(s -> assertThat(s).hasSizeBetween(QUARTER.size() / 7, QUARTER.size() / 7 + 1));
  }

  @Test
  void shardPastTheLast_isRefused() {
    assertThatThrownBy(() -> Subset.ALL.shard(3, 2))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("subset: expected a shard from 1 to 2, got 3");
  }

  @Test
  void zero_isRefused() {
    assertThatThrownBy(() -> new Subset(Level.L2, 0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("subset: expected one in at least 1, got 0");
  }

  @Test
  void run_selectsTheSubsetOnly() {
    ConformanceOptions options =
        ConformanceOptions.of(new CaseRunnerTest.Probe(new ProbeResult.Absent("none")))
            .withLevel(Level.L2)
            .withSubset(new Subset(Level.L2, 4));
    ConformanceRun run = new ConformanceRun(options, new CaseCatalog(0, CASES));
    assertThat(run.selected())
        .isEqualTo(chosen(Level.L0).size() + chosen(Level.L1).size() + chosen(Level.L2).size());
  }
}
