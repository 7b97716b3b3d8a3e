package dev.lamina.models.gemma4;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.Layers;
import dev.lamina.models.Norm;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Value;

/** A step of Gemma 4: norms around each branch, and a third branch that reads the token again. */
final class Gemma4Graph {
  private Gemma4Graph() {}

  static void build(Gemma4Config c, Layers l) throws ModelException {
    DecoderShape s = c.shape();
    Norm norm = c.norm();

    // Token embeddings: the residual stream, x [T, H]; and what each layer reads of the tokens.
    Value x = l.scale(l.embedding("embed", s), Math.sqrt(s.hiddenSize()));
    Value perLayer = c.perLayerWidth() == 0 ? null : perLayer(c, l, x);
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
      if (perLayer != null) {
        x = l.add(x, perLayerBranch(c, l, x, perLayer, i));
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

  /** What the layers read of a token, by itself and out of its embedding: {@code [T, L, P]}. */
  private static Value perLayer(Gemma4Config c, Layers l, Value x) throws ModelException {
    int width = c.perLayerWidth();
    Dim layers = Dim.of(c.shape().numLayers());
    Dim t = x.shape().dim(0);
    long all = (long) c.shape().numLayers() * width;
    Value token = l.lookup("perLayer.embed", c.perLayerVocabSize(), all);
    token = l.scale(l.graph().view(token, t, layers, Dim.of(width)), Math.sqrt(width));
    Value stream = l.linear(x, "perLayer.projection", all, false);
    stream = l.scale(stream, 1 / Math.sqrt(c.shape().hiddenSize()));
    stream = l.norm(l.graph().view(stream, t, layers, Dim.of(width)), "perLayer.norm", c.norm());
    return l.scale(l.add(stream, token), Math.sqrt(0.5));
  }

  private static Value perLayerBranch(Gemma4Config c, Layers l, Value x, Value perLayer, int i)
      throws ModelException {
    String module = "layers." + i + ".perLayer";
    Dim width = Dim.of(c.perLayerWidth());
    Value own = l.graph().view(l.graph().slice(perLayer, 1, i, Dim.of(1)), x.shape().dim(0), width);
    Value gate = l.linear(x, module + ".gate", c.perLayerWidth(), false);
    Value inner = c.mlp().get(i).activation().gated(l.graph(), gate, own);
    Value out = l.linear(inner, module + ".projection", c.shape().hiddenSize(), false);
    return l.norm(out, module + ".norm", c.norm());
  }
}
