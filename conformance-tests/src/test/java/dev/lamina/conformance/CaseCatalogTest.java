package dev.lamina.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.conformance.cases.AllCases;
import dev.lamina.spi.ir.CoreOp;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class CaseCatalogTest {
  private static List<String> ids(long seed) {
    return CaseCatalog.of(seed).cases().stream().map(c -> c.id().toString()).toList();
  }

  @Test
  void catalog_isTheSameEachTimeAndForEverySeedButForTheSeed() {
    assertThat(ids(3)).isEqualTo(ids(3)).doesNotHaveDuplicates();
    List<String> asSeedThree = ids(9).stream().map(i -> i.replaceAll("s9$", "s3")).toList();
    assertThat(asSeedThree).isEqualTo(ids(3));
  }

  @Test
  void catalog_coversEveryCoreOp() {
    Set<String> covered = new TreeSet<>();
    AllCases.graphs(0).forEach(g -> g.nodes().forEach(n -> covered.add(n.op().mnemonic())));
    List<String> all =
        Stream.of(CoreOp.class.getPermittedSubclasses())
            .map(c -> c.getSimpleName().toLowerCase(Locale.ROOT))
            .toList();
    assertThat(all).hasSize(22);
    assertThat(covered).containsAll(all);
  }

  @Test
  void catalog_hasFourFloorsAndARuleForEveryCase() {
    List<Case> cases = CaseCatalog.of(0).cases();
    assertThat(cases.stream().map(Case::level).collect(Collectors.toSet()))
        .containsExactlyInAnyOrder(Level.values());
    assertThat(cases).allMatch(c -> !c.rules().isEmpty());
  }

  @Test
  void caseId_isReadBackAsWritten() {
    for (Case c : CaseCatalog.of(-7).cases()) {
      assertThat(CaseId.parse(c.id().toString())).isEqualTo(c.id());
    }
  }

  @Test
  void caseId_thatIsNone_isRefused() {
    assertThatThrownBy(() -> CaseId.parse("matmul/1/f32"))
        .hasMessage("case id: expected op/version/dtype/shape/attrs/sSEED, got 'matmul/1/f32'");
    assertThatThrownBy(() -> new CaseId("a/b", 1, "-", "-", "-", 0))
        .hasMessageContaining("got 'a/b'");
  }
}
