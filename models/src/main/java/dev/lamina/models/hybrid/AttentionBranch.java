package dev.lamina.models.hybrid;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.KvGroup;
import dev.lamina.models.Layers;
import dev.lamina.models.RecurrentLayers;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.ir.CoreOp.UnaryKind;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Value;
import java.util.List;

/**
 * Grouped-query attention: modules {@code q}, {@code k}, {@code v}, {@code o} and, if normed,
 * {@code qNorm}, {@code kNorm}.
 *
 * @param layer 0-based
 * @param spec what the attention does
 * @param gated whether {@code q} holds, a head each, a query and a gate, whose sigmoid weighs the
 *     head's output
 */
public record AttentionBranch(int layer, AttentionSpec spec, boolean gated) implements Branch {
  @Override
  public Value mix(Layers l, Value x, String module) throws ModelException {
    if (!gated) {
      return l.attention(x, layer, module, spec);
    }
    Ops g = l.graph();
    DecoderShape s = spec.shape();
    Dim t = x.shape().dim(0);
    Value both = l.linear(x, module + ".q", 2L * s.queryWidth(), spec.biased());
    Value[] parts =
        RecurrentLayers.split(
            g, RecurrentLayers.heads(g, both, s.numHeads()), s.headDim(), s.headDim());
    Value k = l.linear(x, module + ".k", s.kvWidth(), spec.biased());
    Value v = l.linear(x, module + ".v", s.kvWidth(), spec.biased());
    Layers.Heads heads =
        new Layers.Heads(
            parts[0],
            RecurrentLayers.heads(g, k, s.numKvHeads()),
            RecurrentLayers.heads(g, v, s.numKvHeads()));
    Value out = l.attend(l.turned(heads, module, spec), layer, spec);
    Value gate = g.view(parts[1], t, Dim.of(s.queryWidth()));
    return g.mul(out, g.unary(UnaryKind.SIGMOID, gate));
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
}
