package dev.lamina.models.hybrid;

import dev.lamina.models.KvGroup;
import dev.lamina.models.LatentLayers;
import dev.lamina.models.Layers;
import dev.lamina.models.MlaSpec;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.ir.Value;
import java.util.List;

/**
 * Attention over latents.
 *
 * @param layer 0-based
 * @param spec what it does
 */
public record LatentBranch(int layer, MlaSpec spec) implements Branch {
  @Override
  public Value mix(Layers l, Value x, String module) throws ModelException {
    return LatentLayers.attention(l, x, layer, module, spec);
  }

  @Override
  public Value project(Layers l, Value mixed, String module, int hiddenSize) throws ModelException {
    return l.linear(mixed, module + ".o", hiddenSize, spec.biased());
  }

  @Override
  public List<KvGroup.LayerKv> kv() {
    return List.of(new KvGroup.LayerKv(layer, 1, spec.latentWidth(), 0));
  }
}
