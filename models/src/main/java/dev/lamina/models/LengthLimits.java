package dev.lamina.models;

import dev.lamina.models.RopeScaling.Dynamic;
import dev.lamina.models.RopeScaling.LongRope;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.StepSlots;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import org.jspecify.annotations.Nullable;

/** How far each sequence of a step may grow, for graphs that turn sequences differently by that. */
final class LengthLimits {
  private final Ops graph;
  private final Dim tokens;
  private @Nullable Value limits;
  private @Nullable LengthScaling scaling;

  LengthLimits(Ops graph, Dim tokens) {
    this.graph = graph;
    this.tokens = tokens;
  }

  /**
   * Whether sequences of a model turn differently by their lengths.
   *
   * @param rope the model's embedding
   * @param maxModelLen longest sequence that will be run
   * @return how, null if all turn alike
   */
  static @Nullable LengthScaling scaling(RopeParameters rope, int maxModelLen) {
    return switch (rope.scaling()) {
      case LongRope r when maxModelLen > r.originalMaxPositions() ->
          new LengthScaling(r.originalMaxPositions(), false);
      case Dynamic d when maxModelLen > d.maxPositions() ->
          new LengthScaling(d.maxPositions(), true);
      default -> null;
    };
  }

  /** Notes what a layer does. */
  void note(LengthScaling layer) {
    scaling = scaling == null ? layer : scaling.with(layer);
  }

  /** What all layers do, null if sequences turn alike in each. */
  @Nullable LengthScaling scaling() {
    return scaling;
  }

  /** The longest that each token's sequence may become, I32 {@code [T]}. */
  Value limits() {
    Value made = limits;
    if (made == null) {
      made = graph.tensor(StepSlots.CONTEXT_LIMITS, TensorType.of(DType.I32, tokens));
      limits = made;
    }
    return made;
  }
}
