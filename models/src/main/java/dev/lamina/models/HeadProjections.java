package dev.lamina.models;

import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Value;
import org.jspecify.annotations.Nullable;

/** Where the heads of an attention come from: its matrices, however they are stored. */
final class HeadProjections {
  private HeadProjections() {}

  /**
   * The heads of a step.
   *
   * @param heads queries, keys and values, neither normed nor turned
   * @param gate {@code [T, Hq * D]}, what a sigmoid weighs the output by; null for none
   */
  record Projected(Layers.Heads heads, @Nullable Value gate) {}

  /** Projects {@code x[T, H]} by the matrices of an attention. */
  static Projected of(Layers l, Value x, String module, AttentionSpec spec) throws ModelException {
    Ops g = l.graph;
    DecoderShape shape = spec.shape();
    Value gate =
        spec.gate() == AttentionSpec.OutputGate.OWN
            ? l.linear(x, module + ".gate", shape.queryWidth(), false)
            : null;
    Layers.Heads heads =
        switch (spec.projection()) {
          case SEPARATE -> separate(l, x, module, spec);
          case KEY_IS_VALUE -> {
            Value key = heads(l, x, module + ".k", shape.kvWidth(), spec);
            yield new Layers.Heads(heads(l, x, module + ".q", shape.queryWidth(), spec), key, key);
          }
          case FUSED -> fused(g, fusedRows(l, x, module, spec), shape);
          case FUSED_BY_HEAD -> byHead(g, fusedRows(l, x, module, spec), shape);
          case FUSED_BY_QUARTER -> byQuarter(g, fusedRows(l, x, module, spec), shape);
        };
    if (spec.gate() != AttentionSpec.OutputGate.WITH_QUERY) {
      return new Projected(heads, gate);
    }
    int d = shape.headDim();
    Value[] both = RecurrentLayers.split(g, heads.q(), d, d);
    Value flat = g.view(both[1], x.shape().dim(0), Dim.of(shape.queryWidth()));
    return new Projected(new Layers.Heads(both[0], heads.k(), heads.v()), flat);
  }

  private static Layers.Heads separate(Layers l, Value x, String module, AttentionSpec spec)
      throws ModelException {
    DecoderShape shape = spec.shape();
    boolean gated = spec.gate() == AttentionSpec.OutputGate.WITH_QUERY;
    long width = gated ? 2L * shape.queryWidth() : shape.queryWidth();
    Value q = l.linear(x, module + ".q", width, spec.biased());
    return new Layers.Heads(
        RecurrentLayers.heads(l.graph, q, shape.numHeads()),
        heads(l, x, module + ".k", shape.kvWidth(), spec),
        heads(l, x, module + ".v", shape.kvWidth(), spec));
  }

  /** A projection to heads, {@code [T, width / D, D]}. */
  static Value heads(Layers l, Value x, String module, long width, AttentionSpec spec)
      throws ModelException {
    return byWidth(l.graph, l.linear(x, module, width, spec.biased()), spec.shape().headDim());
  }

  private static Value byWidth(Ops g, Value x, int headDim) {
    return RecurrentLayers.heads(g, x, x.shape().dim(1).upperBound() / headDim);
  }

  private static Value fusedRows(Layers l, Value x, String module, AttentionSpec spec)
      throws ModelException {
    long width = spec.shape().queryWidth() + 2L * spec.shape().kvWidth();
    return l.linear(x, module + ".qkv", width, spec.biased());
  }

  private static Layers.Heads fused(Ops g, Value all, DecoderShape shape) {
    Value[] parts =
        RecurrentLayers.split(g, all, shape.queryWidth(), shape.kvWidth(), shape.kvWidth());
    int d = shape.headDim();
    return new Layers.Heads(
        byWidth(g, parts[0], d), byWidth(g, parts[1], d), byWidth(g, parts[2], d));
  }

  private static Layers.Heads byHead(Ops g, Value all, DecoderShape shape) {
    Dim t = all.shape().dim(0);
    Dim d = Dim.of(shape.headDim());
    Dim kvHeads = Dim.of(shape.numKvHeads());
    long group = shape.numHeads() / shape.numKvHeads();
    Value grouped = g.view(all, t, kvHeads, Dim.of(group + 2), d);
    return new Layers.Heads(
        g.view(g.slice(grouped, 2, 0, Dim.of(group)), t, Dim.of(shape.numHeads()), d),
        g.view(g.slice(grouped, 2, group, Dim.of(1)), t, kvHeads, d),
        g.view(g.slice(grouped, 2, group + 1, Dim.of(1)), t, kvHeads, d));
  }

  private static Layers.Heads byQuarter(Ops g, Value all, DecoderShape shape) {
    long width = shape.queryWidth() / 4;
    Value quarters = g.view(all, all.shape().dim(0), Dim.of(4), Dim.of(3), Dim.of(width));
    int d = shape.headDim();
    return new Layers.Heads(
        third(g, quarters, 0, d), third(g, quarters, 2, d), third(g, quarters, 1, d));
  }

  /** The heads that part i of {@code [T, 4, 3, width]} has. */
  private static Value third(Ops g, Value quarters, int i, int headDim) {
    Dim width = quarters.shape().dim(3);
    Value part = g.slice(quarters, 2, i, Dim.of(1));
    Value flat = g.view(part, part.shape().dim(0), Dim.of(4 * width.upperBound()));
    return byWidth(g, flat, headDim);
  }
}
