package dev.lamina.models.hybrid;

import dev.lamina.models.ExpertLayers;
import dev.lamina.models.Layers;
import dev.lamina.models.MoeSpec;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.ir.Value;

/**
 * A mixture of experts, its modules as {@link ExpertLayers#mixture} names them.
 *
 * @param spec what the mixture does
 */
public record MoeBranch(MoeSpec spec) implements Branch {
  @Override
  public Value project(Layers l, Value mixed, String module, int hiddenSize) throws ModelException {
    return ExpertLayers.mixture(l, mixed, module, spec);
  }

  @Override
  public boolean mixes() {
    return false;
  }
}
