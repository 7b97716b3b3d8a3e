package dev.lamina.backend.sdk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.spi.Executable;
import dev.lamina.spi.OpSpec;
import dev.lamina.spi.ir.CoreOp.ReduceKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class StageGroupTest {
  private static final long[] S23 = {2, 3};

  /** Plain kernels, all stages of a graph in one group. */
  private static final class Grouping implements KernelProvider {
    private final PlainKernels plain = new PlainKernels();
    private final List<Integer> asked = new ArrayList<>();
    private boolean takes;
    private boolean fails;

    @Override
    public KernelChoice choose(OpSpec spec) {
      return plain.choose(spec);
    }

    @Override
    public Kernel elementwise(Expr expr) {
      return plain.elementwise(expr);
    }

    @Override
    public List<StageGroup> groups(Stages stages) {
      return List.of(new StageGroup(0, stages.list().size(), this::run));
    }

    private boolean run(List<KernelArgs> steps) {
      asked.add(steps.size());
      if (fails) {
        throw new IllegalStateException("broken");
      }
      if (takes) {
        Tensor out = steps.getLast().out(0);
        for (long i = 0; i < out.elements(); i++) {
          Elements.setFloat(DType.F32, out.segment(), out.offset() + 4 * i, 7);
        }
      }
      return takes;
    }
  }

  private final Grouping grouping = new Grouping();
  private final Rig rig;

  StageGroupTest() throws Exception {
    rig = new Rig(grouping);
  }

  /** The rows' sums of -x, twice; of x turned around, which its kernel wants copied. */
  private static Graph graph(boolean turned) {
    Ops g = new Ops("g");
    Value x = g.tensor("x", TensorType.of(DType.F32, S23));
    Value sum = g.reduce(ReduceKind.SUM, turned ? g.permute(x, 1, 0) : g.add(x, x), 1);
    g.output("y", g.add(sum, sum));
    return g.build();
  }

  private float[] run(Executable exe) throws Exception {
    return rig.run(exe, rig.floats(S23, 1, 2, 3, 4, 5, 6))[0];
  }

  @Test
  void aGroup_runsAtOnceOrOneByOne_asItDecidesEachTime() throws Exception {
    Executable exe = rig.compile(graph(false));
    assertThat(run(exe)).containsExactly(24, 60);
    grouping.takes = true;
    assertThat(run(exe)).containsExactly(7, 7);
    grouping.takes = false;
    assertThat(run(exe)).containsExactly(24, 60);
    assertThat(grouping.asked).containsExactly(3, 3, 3);
  }

  @Test
  void stagesThatNeedCopiesBetweenThem_areNoGroup() throws Exception {
    grouping.takes = true;
    assertThat(run(rig.compile(graph(true)))).containsExactly(10, 14, 18);
    assertThat(grouping.asked).isEmpty();
  }

  @Test
  void aGroupThatFails_isNamedByItsKernels() throws Exception {
    grouping.fails = true;
    Executable exe = rig.compile(graph(false));
    assertThatThrownBy(() -> run(exe)).hasMessageContaining("elementwise + reduce + elementwise");
  }

  @Test
  void stages_sayWhoReadsAValueAndWhatIsComputed() {
    Graph graph = graph(false);
    Stages stages = Stages.of(graph);
    Value x = graph.inputs().getFirst().value();
    Value y = graph.outputs().getFirst().value();
    assertThat(stages.list()).hasSize(3);
    assertThat(stages.isComputed(x)).isFalse();
    assertThat(stages.isComputed(y)).isTrue();
    assertThat(stages.reads(x)).isEqualTo(1);
    assertThat(stages.reads(y)).isEqualTo(1);
  }

  @Test
  void anEmptyRange_isRefused() {
    assertThatThrownBy(() -> new StageGroup(2, 2, steps -> true))
        .hasMessage("stage group: expected at least one stage, got 2 to 2");
  }
}
