package dev.lamina.models.hybrid;

import dev.lamina.models.Layers;
import dev.lamina.models.MlpSpec;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.ir.Value;

/**
 * A feed-forward network: modules {@code gate}, {@code up}, {@code down} as far as it has them.
 *
 * @param spec what the network does
 */
public record MlpBranch(MlpSpec spec) implements Branch {
  @Override
  public Value project(Layers l, Value mixed, String module, int hiddenSize) throws ModelException {
    return l.mlp(mixed, module, spec);
  }

  @Override
  public boolean mixes() {
    return false;
  }
}
