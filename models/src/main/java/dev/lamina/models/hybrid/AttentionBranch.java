package dev.lamina.models.hybrid;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.KvGroup;
import dev.lamina.models.Layers;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.ir.Value;
import java.util.List;

/**
 * Grouped-query attention: modules {@code q}, {@code k}, {@code v}, {@code o} and, if normed,
 * {@code qNorm}, {@code kNorm}.
 *
 * @param layer 0-based
 * @param spec what the attention does
 */
public record AttentionBranch(int layer, AttentionSpec spec) implements Branch {
  @Override
  public Value mix(Layers l, Value x, String module) throws ModelException {
    return l.attention(x, layer, module, spec);
  }

  @Override
  public Value project(Layers l, Value mixed, String module, int hiddenSize) throws ModelException {
    return l.linear(mixed, module + ".o", hiddenSize, spec.outputBiased());
  }

  @Override
  public List<KvGroup.LayerKv> kv() {
    DecoderShape s = spec.shape();
    return List.of(new KvGroup.LayerKv(layer, s.numKvHeads(), s.headDim(), s.headDim()));
  }

  @Override
  public long reach() {
    return spec.reach();
  }
}
