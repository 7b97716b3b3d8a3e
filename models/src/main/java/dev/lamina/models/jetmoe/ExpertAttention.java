package dev.lamina.models.jetmoe;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.ExpertLayers;
import dev.lamina.models.KvGroup;
import dev.lamina.models.Layers;
import dev.lamina.models.MoeSpec;
import dev.lamina.models.RecurrentLayers;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.hybrid.Branch;
import dev.lamina.spi.ir.CoreOp.ReduceKind;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Value;
import java.util.List;

/**
 * Attention whose query and output projections are experts: each that a token chose brings as many
 * queries as there are key heads. Source: arXiv:2210.05144.
 *
 * <p>Modules {@code router}, {@code in}, {@code out} (stacks), {@code kv} and a vector {@code bias}
 * on the sum.
 *
 * @param layer 0-based
 * @param spec what the attention does, its query heads those of all chosen experts
 * @param experts who there are, and how they are chosen
 */
record ExpertAttention(int layer, AttentionSpec spec, MoeSpec experts) implements Branch {
  @Override
  public Value mix(Layers l, Value x, String module) throws ModelException {
    Ops g = l.graph();
    DecoderShape s = spec.shape();
    Dim t = x.shape().dim(0);
    Dim d = Dim.of(s.headDim());
    Dim kvHeads = Dim.of(s.numKvHeads());
    Dim chosen = Dim.of(s.numHeads() / s.numKvHeads());
    ExpertLayers.Choice choice = ExpertLayers.choice(l, x, module, experts);
    int count = experts.numExperts();

    // An expert's queries meet a key head each; the op wants those of a key head side by side.
    Value q = ExpertLayers.linear(l, x, module + ".in", count, choice, s.kvWidth());
    q = g.permute(g.view(q, t, chosen, kvHeads, d), 0, 2, 1, 3);
    Value[] kv =
        RecurrentLayers.split(
            g, l.linear(x, module + ".kv", 2L * s.kvWidth(), false), s.kvWidth(), s.kvWidth());
    Layers.Heads heads =
        new Layers.Heads(
            g.view(q, t, Dim.of(s.numHeads()), d),
            RecurrentLayers.heads(g, kv[0], s.numKvHeads()),
            RecurrentLayers.heads(g, kv[1], s.numKvHeads()));
    Value y = l.attend(l.turned(heads, module, spec), layer, spec);
    y = g.permute(g.view(y, t, kvHeads, chosen, d), 0, 2, 1, 3);

    Value each =
        ExpertLayers.linear(
            l,
            g.view(y, t, chosen, Dim.of(s.kvWidth())),
            module + ".out",
            count,
            choice,
            s.hiddenSize());
    Value weighed = g.mul(each, g.broadcast(choice.weights(), each.shape(), 0, 1));
    Value bias = RecurrentLayers.vector(l, module + ".bias", s.hiddenSize());
    Value sum = g.reduce(ReduceKind.SUM, weighed, 1);
    return RecurrentLayers.plusEach(g, sum, g.cast(bias, sum.dtype()));
  }

  /** The output projection hangs on each token's choice, so {@link #mix} has done it. */
  @Override
  public Value project(Layers l, Value mixed, String module, int hiddenSize) {
    return mixed;
  }

  @Override
  public List<KvGroup.LayerKv> kv() {
    DecoderShape s = spec.shape();
    return List.of(new KvGroup.LayerKv(layer, s.numKvHeads(), s.headDim(), s.headDim()));
  }
}
