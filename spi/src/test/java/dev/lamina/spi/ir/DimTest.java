package dev.lamina.spi.ir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

class DimTest {
  @Test
  void constant_isAtLeastZero() {
    assertThatThrownBy(() -> Dim.of(-1))
        .isInstanceOf(GraphException.class)
        .hasMessage("dim: expected a size of at least 0, got -1");
  }

  @Test
  void symbol_hasARangeAndAName() {
    assertThatThrownBy(() -> Dim.sym("T", 5, 4))
        .hasMessage("dim T: expected 0 <= min <= max and multipleOf >= 1, got 5..4 multiple of 1");
    assertThatThrownBy(() -> Dim.sym("9", 0, 4))
        .hasMessage("dim: expected a name of letters and digits, got '9'");
  }

  @Test
  void symbol_admitsMultiplesInItsRange() {
    Dim.Sym s = new Dim.Sym("T", 16, 64, 16);
    assertThat(List.of(s.admits(16), s.admits(64))).containsOnly(true);
    assertThat(List.of(s.admits(0), s.admits(24), s.admits(80))).containsOnly(false);
  }

  @Test
  void table_namesTheSymbolOutOfRange() {
    DimTable table = new DimTable(List.of(Dim.sym("S", 1, 8), new Dim.Sym("T", 16, 64, 16)));
    table.check(new long[] {8, 48});
    assertThatThrownBy(() -> table.check(new long[] {8, 24}))
        .hasMessage("dim T: expected 16..64, a multiple of 16, got 24");
    assertThatThrownBy(() -> table.check(new long[] {8}))
        .hasMessage("dims: expected 2 values for [S, T], got [8]");
    assertThat(table.upperBounds()).containsExactly(8, 64);
    assertThat(table.resolve(Shape.of(Dim.of(3), Dim.sym("T", 16, 64)), new long[] {2, 32}))
        .containsExactly(3, 32);
    assertThatThrownBy(() -> table.resolve(Dim.sym("Q", 0, 1), new long[] {2, 32}))
        .hasMessage("dim Q: expected one of [S, T]");
  }

  @Test
  void shapes_compareElementsWithSymbols() {
    Dim t = Dim.sym("T", 1, 9);
    assertThat(Shape.of(t, Dim.of(6)).sameElements(Shape.of(Dim.of(2), t, Dim.of(3)))).isTrue();
    assertThat(Shape.of(t, Dim.of(6)).sameElements(Shape.of(t, t, Dim.of(6)))).isFalse();
    assertThat(Shape.of(t, Dim.of(6)).maxElements()).isEqualTo(54);
    assertThatThrownBy(() -> Shape.of(t).elements())
        .hasMessage("shape [T]: expected constant dims only");
  }

  @Test
  void bytes_followTheLayout() {
    assertThat(TensorType.of(DType.F16, 3, 5).byteSize()).isEqualTo(30);
    assertThat(TensorType.blocked(QuantFormat.Q4_0, Shape.of(3, 64)).byteSize()).isEqualTo(108);
    Layout repeated = new Layout.Strided(List.of(0L, 2L));
    assertThat(new TensorType(DType.F32, Shape.of(9, 3), repeated).byteSize()).isEqualTo(20);
    assertThat(TensorType.of(DType.F32, 0, 5).byteSize()).isZero();
  }

  @Test
  void integerScalar_wrapsToItsWidth() {
    assertThat(Scalar.integer(DType.U8, -1).bits()).isEqualTo(255);
    assertThat(Scalar.integer(DType.I8, 200).bits()).isEqualTo(-56);
    assertThatThrownBy(() -> Scalar.integer(DType.F32, 1))
        .hasMessage("scalar: expected an integer dtype, got f32");
  }
}
