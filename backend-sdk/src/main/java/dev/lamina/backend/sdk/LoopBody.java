package dev.lamina.backend.sdk;

import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.util.ArrayList;
import java.util.List;

/** Inputs of a loop's body: first the iteration index, then one an operand. */
final class LoopBody {
  private LoopBody() {}

  static Value index(Ops g) {
    return g.tensor("iteration", TensorType.of(DType.I32, Shape.SCALAR));
  }

  /** Declares an input for each operand but the count. */
  static List<Value> inputs(Ops g, List<Value> operands) {
    List<Value> in = new ArrayList<>(operands.size());
    for (Value v : operands) {
      in.add(g.tensor("in" + in.size(), v.tensor()));
    }
    return in;
  }
}
