package dev.lamina.models.hybrid;

import dev.lamina.models.KvGroup;
import dev.lamina.models.Layers;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.Value;
import java.util.List;

/** One branch of a decoder's residual stream: it reads the normed stream and adds to it. */
public interface Branch {
  /**
   * Mixes tokens, or for a branch that looks at each token alone does nothing.
   *
   * @param l layers of the graph
   * @param x {@code [T, H]}, normed
   * @param module the branch's module, such as {@code layers.3.attn}
   * @return {@code [T, ..]}, to {@link #project}
   * @throws ModelException if a weight is missing or misshapen
   */
  default Value mix(Layers l, Value x, String module) throws ModelException {
    return x;
  }

  /**
   * The rest of the branch, row by row.
   *
   * @param l layers of the graph
   * @param mixed rows that {@link #mix} gave
   * @param module the branch's module
   * @param hiddenSize H
   * @return {@code [.., H]}
   * @throws ModelException if a weight is missing or misshapen
   */
  Value project(Layers l, Value mixed, String module, int hiddenSize) throws ModelException;

  /**
   * Whether a token's output depends on other tokens.
   *
   * @return false if {@link #mix} does nothing
   */
  default boolean mixes() {
    return true;
  }

  /**
   * What it stores of each token.
   *
   * @return none or the keys and values of its layer
   */
  default List<KvGroup.LayerKv> kv() {
    return List.of();
  }

  /**
   * How far back it reads what it stores.
   *
   * @return positions, the own one included, 0 = all
   */
  default long reach() {
    return 0;
  }

  /**
   * What it keeps of a sequence.
   *
   * @return entries of its layer
   */
  default List<StateSpec.Entry> state() {
    return List.of();
  }
}
