package dev.lamina.models;

import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.CompositeOp.RopeStyle;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.Value;

/**
 * Attention over latents in the absorbed form: queries go through their heads' key projections, so
 * that they meet the latent itself, and what is read of it goes through the value projections. A
 * head's projection is that of an expert whom every token chose.
 */
public final class LatentLayers {
  private LatentLayers() {}

  /**
   * Attention without its output projection.
   *
   * @param l layers of the graph
   * @param x {@code [T, H]}, normed
   * @param layer 0-based
   * @param module modules {@code q}, or {@code qA}, {@code qNorm} and {@code qB}, and {@code kvA},
   *     {@code kvNorm} and {@code kvB} below it; {@code index.q}, {@code index.k}, {@code
   *     index.kNorm} and {@code index.weights} if positions are chosen
   * @param spec what the attention does
   * @return {@code [T, heads * valueDim]}
   * @throws ModelException if a weight is missing or misshapen
   */
  public static Value attention(Layers l, Value x, int layer, String module, MlaSpec spec)
      throws ModelException {
    Ops g = l.graph;
    Dim t = x.shape().dim(0);
    Dim heads = Dim.of(spec.numHeads());
    Dim plain = Dim.of(spec.plainDim());
    Dim turns = Dim.of(spec.rotaryDim());
    Dim rank = Dim.of(spec.rank());

    // Queries, by way of a latent of their own: plain [T, heads, plain] and turned.
    long width = (long) spec.numHeads() * (spec.plainDim() + spec.rotaryDim());
    Value queryLatent = x;
    Value q;
    if (spec.queryRank() > 0) {
      queryLatent = l.linear(x, module + ".qA", spec.queryRank(), spec.biased());
      queryLatent = l.norm(queryLatent, module + ".qNorm", spec.norm());
      q = l.linear(queryLatent, module + ".qB", width, false);
    } else {
      q = l.linear(x, module + ".q", width, false);
    }
    q = g.view(q, t, heads, Dim.of(spec.plainDim() + spec.rotaryDim()));
    Value qTurned = turned(l, g.slice(q, 2, spec.plainDim(), turns), spec);

    // The latent that is kept: normed, and behind it the one key that turns.
    Value both = l.linear(x, module + ".kvA", spec.latentWidth(), spec.biased());
    Value latent = l.norm(g.slice(both, 1, 0, rank), module + ".kvNorm", spec.norm());
    latent = l.scale(latent, spec.latentScale());
    Value key = g.view(g.slice(both, 1, spec.rank(), turns), t, Dim.of(1), turns);
    Value kept = g.concat(2, g.view(latent, t, Dim.of(1), rank), turned(l, key, spec));

    Value ids = g.iota(Shape.of(t, heads), 1, DType.I32);
    Value absorbed =
        g.moeLinear(g.slice(q, 2, 0, plain), keys(l, module, spec), ids, null, l.activations);
    MlaSpec.Index index = spec.index();
    l.keep("latent", layer, kept);
    Value chosen = null;
    if (index != null && index.borrowed()) {
      chosen = l.lastChosen();
    } else if (index != null) {
      chosen = chosen(l, new Inputs(x, queryLatent), layer, module, spec, index);
    }
    CompositeOp.MlaAttention op =
        new CompositeOp.MlaAttention(layer, spec.rank(), spec.scale(), chosen != null);
    Value read = l.attendLatent(g.concat(2, absorbed, qTurned), chosen, op);
    Value out = g.moeLinear(read, values(l, module, spec), ids, null, l.activations);
    return g.view(out, t, Dim.of((long) spec.numHeads() * spec.valueDim()));
  }

  private static Value turned(Layers l, Value x, MlaSpec spec) {
    return turned(l, x, spec, spec.ropeStyle());
  }

  private static Value turned(Layers l, Value x, MlaSpec spec, RopeStyle style) {
    RopeParameters rope = spec.rope();
    return rope == null ? x : l.rope(x, rope, style);
  }

  /** What positions are chosen by: the normed stream, and the queries' latent. */
  private record Inputs(Value x, Value queryLatent) {}

  /**
   * The positions that each token looks at: by small queries of their own, and a small key of each
   * position, which the pool keeps. What turns is in front. The makers' code rotates both by one
   * orthogonal matrix, for the sake of 8-bit products; products stay the same.
   */
  private static Value chosen(
      Layers l, Inputs in, int layer, String module, MlaSpec spec, MlaSpec.Index index)
      throws ModelException {
    Ops g = l.graph;
    Dim t = in.x.shape().dim(0);
    Dim width = Dim.of(index.dim());
    long all = (long) index.heads() * index.dim();
    Value q = l.linear(in.queryLatent, module + ".index.q", all, false);
    q = turned(l, g.view(q, t, Dim.of(index.heads()), width), spec, index.ropeStyle());
    Value key = l.linear(in.x, module + ".index.k", index.dim(), false);
    key = l.norm(key, module + ".index.kNorm", Norm.layer(1e-6, true));
    key = turned(l, g.view(key, t, Dim.of(1), width), spec, index.ropeStyle());
    Value weights = l.linear(in.x, module + ".index.weights", index.heads(), false, DType.F32);
    l.keep("index", layer, key);
    // The root of the heads is a factor of the weights, which a scale of the products is as well.
    double scale = 1 / Math.sqrt((double) all);
    CompositeOp.IndexTopk op = new CompositeOp.IndexTopk(layer, index.positions(), scale);
    return l.choosePositions(q, weights, op);
  }

  /** The key projections, {@code [heads, rank, plain]}. */
  private static Value keys(Layers l, String module, MlaSpec spec) throws ModelException {
    StoredTensor kvB = stored(l, module, spec);
    return l.weights.made(
        module + ".kB.weight",
        HeadTensors.turned(kvB, spec.numHeads(), spec.plainDim()),
        kvB.name(),
        spec.numHeads(),
        spec.rank(),
        spec.plainDim());
  }

  /** The value projections, {@code [heads, valueDim, rank]}. */
  private static Value values(Layers l, String module, MlaSpec spec) throws ModelException {
    StoredTensor kvB = stored(l, module, spec);
    return l.weights.made(
        module + ".vB.weight",
        HeadTensors.last(kvB, spec.numHeads(), spec.valueDim()),
        kvB.name(),
        spec.numHeads(),
        spec.valueDim(),
        spec.rank());
  }

  /** Each head's key projection, turned, above its value projection. */
  private static StoredTensor stored(Layers l, String module, MlaSpec spec) throws ModelException {
    long rows = (long) spec.numHeads() * (spec.plainDim() + spec.valueDim());
    return l.weights.needed(module + ".kvB.weight", rows, spec.rank());
  }
}
