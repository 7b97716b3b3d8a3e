package dev.lamina.models.gemma4;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.Layers;
import dev.lamina.models.Norm;
import dev.lamina.models.PerLayerInputs;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.ir.Value;

/** A step of Gemma 4: norms around each branch, and a third branch that reads the token again. */
final class Gemma4Graph {
  private Gemma4Graph() {}

  static void build(Gemma4Config c, Layers l) throws ModelException {
    DecoderShape s = c.shape();
    Norm norm = c.norm();

    // Token embeddings: the residual stream, x [T, H]; and what each layer reads of the tokens.
    Value x = l.scale(l.embedding("embed", s), Math.sqrt(s.hiddenSize()));
    PerLayerInputs inputs = c.perLayer();
    Value perLayer = inputs == null ? null : inputs.of(l, x, s, norm);
    for (int i = 0; i < s.numLayers(); i++) {
      String layer = "layers." + i;

      // Attention over the normed stream, its own output normed.
      Value a = attention(c, l, l.norm(x, layer + ".attn.norm", norm), i);
      if (i == s.numLayers() - 1) {
        // Nothing below mixes rows any more, so only the wanted ones go on.
        a = l.wantedRows(a);
        x = l.wantedRows(x);
        perLayer = perLayer == null ? null : l.wantedRows(perLayer);
      }
      a = l.linear(a, layer + ".attn.o", s.hiddenSize(), c.attention().get(i).outputBiased());
      x = l.add(x, l.norm(a, layer + ".attn.postNorm", norm));

      // Gated feed-forward network likewise.
      Value h = l.mlp(l.norm(x, layer + ".mlp.norm", norm), layer + ".mlp", c.mlp().get(i));
      x = l.add(x, l.norm(h, layer + ".mlp.postNorm", norm));

      // The layer's own embedding of the token, gated by the stream.
      if (inputs != null && perLayer != null) {
        x = l.add(x, inputs.branch(l, x, perLayer, i, c.mlp().get(i).activation(), norm));
      }
      x = l.scaleBy(x, layer + ".layer_scalar");
    }

    // Last norm, then a score for each word of the vocabulary.
    l.logits(l.norm(x, "norm", norm), s, c.head());
  }

  /** {@code [T, H]} to {@code [T, heads * headDim]}. */
  private static Value attention(Gemma4Config c, Layers l, Value h, int i) throws ModelException {
    String module = "layers." + i + ".attn";
    AttentionSpec spec = c.attention().get(i);
    if (c.shares(i)) {
      return l.attendOver(l.queries(h, module, spec), c.kvLayers().get(i), spec);
    }
    Layers.Heads heads = l.projected(h, module, spec);
    Value v = l.norm(heads.v(), module + ".vNorm", c.norm().plain());
    return l.attend(l.turned(new Layers.Heads(heads.q(), heads.k(), v), module, spec), i, spec);
  }
}
