package dev.lamina.spi.ir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GraphTextTest {
  private static final String MLP =
      """
      graph "mlp" {
        dim T = 1..2048 by 1
        tensor %0 "x" : f32[T,512]
        weight %1 "up" : bf16[1536,512]
        %2 = linear(%0, %1) {out=f32, biased=false} : f32[T,1536]
        return "y" = %2
      }
      """;

  @Test
  void everyOp_printsAndParsesBack() {
    Graph graph = EveryOp.graph();
    assertThat(opsOf(graph, new HashSet<>())).isEqualTo(allOps());
    String text = GraphText.print(graph);
    Graph parsed = GraphText.parse(text);
    assertThat(GraphText.print(parsed)).isEqualTo(text);
    assertThat(parsed).isEqualTo(graph);
  }

  private static Set<Class<?>> opsOf(Graph graph, Set<Class<?>> seen) {
    for (Node node : graph.nodes()) {
      seen.add(node.op().getClass());
      if (node.op() instanceof CoreOp.Loop loop) {
        opsOf(loop.body(), seen);
      }
    }
    return seen;
  }

  private static Set<Class<?>> allOps() {
    Set<Class<?>> all = new HashSet<>(List.of(CoreOp.class.getPermittedSubclasses()));
    assertThat(all).as("the core set of the design").hasSize(22);
    all.addAll(List.of(CompositeOp.class.getPermittedSubclasses()));
    return all;
  }

  @Test
  void text_isThatOfTheDescription() {
    Graph graph = GraphText.parse(MLP);
    assertThat(graph.toString()).isEqualTo(MLP);
    assertThat(graph.dims().syms()).containsExactly(Dim.sym("T", 1, 2048));
    assertThat(graph.input("up").role()).isEqualTo(Graph.Role.WEIGHT);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "graph \"mlp\" {|graf \"mlp\" {|graph text line 1: expected 'graph', got 'graf'",
        "graph \"mlp\"|graph mlp|graph text line 1: expected a quoted string, got 'mlp'",
        "1..2048|1 2048|graph text line 2: expected '..', got '2048'",
        "1..2048|1..x|graph text line 2: expected an integer, got 'x'",
        "f32[T,512]|f32[Q,512]|graph text line 3: expected a dim declared above, got 'Q'",
        "linear(%0, %1)|linear(%0, %7)|graph text line 5: expected a value defined above, got %7",
        "biased=false|biased=no|graph text line 5: expected true or false, got 'no'",
        "{out=f32|{in=f32|graph text line 5: expected 'out', got 'in'",
        "%2 = linear|%1 = linear|graph text line 5: expected a value defined once, %1 is defined"
            + " again",
        "%2 = linear|%2, %3 = linear|graph text line 5: expected linear to define 1 values, got 2",
        ": f32[T,1536]|: f32[T,1537]|graph text line 5: expected type f32[T,1536], got '1537' for"
            + " '1536'",
        "bf16[|b16[|graph text line 4: dtype: expected one of f32, f16, bf16, f8e4m3, ..., got b16",
        "}|} }|graph text line 7: expected the end, got '}'",
      })
  void mistake_isNamedWithItsLine(String right, String wrong, String message) {
    int last = MLP.lastIndexOf(right);
    String text = MLP.substring(0, last) + wrong + MLP.substring(last + right.length());
    assertThatThrownBy(() -> GraphText.parse(text))
        .isInstanceOf(GraphException.class)
        .hasMessage(message);
  }

  @Test
  void unknownOp_isNamedWithTheKnownOnes() {
    assertThatThrownBy(() -> GraphText.parse(MLP.replace("= linear", "= liner")))
        .hasMessageStartingWith("graph text line 5: expected an op, got 'liner'; known are [")
        .hasMessageContaining("paged_attention");
  }

  @Test
  void unknownEnumConstant_isNamed() {
    String text =
        """
        graph "g" {
          tensor %0 "x" : f32[4]
          %1 = unary(%0) {kind=SQUARE} : f32[4]
        }
        """;
    assertThatThrownBy(() -> GraphText.parse(text))
        .hasMessage("graph text line 3: expected a UnaryKind, got 'SQUARE'");
  }

  @Test
  void shapesThatDoNotFit_areRefusedWithTheLine() {
    assertThatThrownBy(() -> GraphText.parse(MLP.replace("bf16[1536,512]", "bf16[1536,511]")))
        .hasMessage(
            "graph text line 5: linear: expected x[.., 511] for w[1536,511], got f32[T,512]");
  }

  @Test
  void truncatedText_isRefused() {
    assertThatThrownBy(() -> GraphText.parse(MLP.substring(0, MLP.length() - 3)))
        .isInstanceOf(GraphException.class)
        .hasMessageStartingWith("graph text line 6: expected ");
  }
}
