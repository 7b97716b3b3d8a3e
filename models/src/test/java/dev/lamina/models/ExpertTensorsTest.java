package dev.lamina.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.models.checkpoint.TensorSource;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class ExpertTensorsTest {
  private final List<StoredTensor> tensors = new ArrayList<>();
  private int made;

  private final TensorSource source =
      new TensorSource() {
        @Override
        public String origin() {
          return "folder";
        }

        @Override
        public List<StoredTensor> tensors() {
          return tensors;
        }

        @Override
        public @Nullable StoredTensor find(String name) {
          return tensors.stream().filter(t -> t.name().equals(name)).findFirst().orElse(null);
        }

        @Override
        public void close() {}
      };

  private StoredTensor add(String name, DType dtype, long... sizes) {
    TensorType type = TensorType.of(dtype, sizes);
    float[] values = new float[(int) type.shape().elements()];
    for (int i = 0; i < values.length; i++) {
      values[i] = 100 * tensors.size() + i;
    }
    StoredTensor t =
        StoredTensor.converted(
            name,
            type,
            dtype.text(),
            type.byteSize(),
            () -> {
              made++;
              return Arena.ofAuto().allocateFrom(ValueLayout.JAVA_FLOAT, values);
            },
            "file");
    tensors.add(t);
    return t;
  }

  private static float[] values(ExpertTensors.Stack stack) {
    return stack.tensor().data().toArray(ValueLayout.JAVA_FLOAT);
  }

  @Test
  void apart_joinsThemInOrderAndNotBeforeTheyAreAskedFor() throws Exception {
    add("a", DType.F32, 1, 2);
    add("b", DType.F32, 1, 2);
    ExpertTensors.Stack stack = ExpertTensors.apart(source, List.of("b", "a"), Shape.of(1, 2));
    assertThat(stack).isNotNull();
    assertThat(stack.tensor().type()).isEqualTo(TensorType.of(DType.F32, 2, 1, 2));
    assertThat(stack.tensor().storedBytes()).isEqualTo(16);
    assertThat(stack.parts()).containsExactly("b", "a");
    assertThat(made).isZero();
    assertThat(values(stack)).containsExactly(100, 101, 0, 1);
  }

  @Test
  void apart_refusesGapsAndStrangers() throws Exception {
    add("a", DType.F32, 2);
    add("c", DType.BF16, 2);
    assertThat(ExpertTensors.apart(source, List.of("x", "a"), Shape.of(2))).isNull();
    assertThatThrownBy(() -> ExpertTensors.apart(source, List.of("a", "b"), Shape.of(2)))
        .isInstanceOf(ModelException.class)
        .hasMessage(
            "load folder: tensor 'b': expected it as 'a' is, f32[2], got no such tensor; fetch the"
                + " checkpoint again");
    assertThatThrownBy(() -> ExpertTensors.apart(source, List.of("a", "c"), Shape.of(2)))
        .hasMessageContaining("tensor 'c': expected it as 'a' is, f32[2], got bf16[2]");
  }

  @Test
  void turned_takesHalvesOrEveryOtherColumn() throws Exception {
    // [E, K, 2 N] = [1, 2, 4]: rows 0 1 2 3 and 4 5 6 7.
    StoredTensor t = add("w", DType.F32, 1, 2, 4);
    assertThat(values(ExpertTensors.turned(t, 2, new ExpertTensors.Columns(0, 1, 4))))
        .containsExactly(0, 4, 1, 5);
    assertThat(values(ExpertTensors.turned(t, 2, new ExpertTensors.Columns(2, 1, 4))))
        .containsExactly(2, 6, 3, 7);
    assertThat(values(ExpertTensors.turned(t, 2, new ExpertTensors.Columns(1, 2, 4))))
        .containsExactly(1, 5, 3, 7);
  }
}
