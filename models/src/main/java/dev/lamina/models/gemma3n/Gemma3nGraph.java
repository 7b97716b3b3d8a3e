package dev.lamina.models.gemma3n;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.Layers;
import dev.lamina.models.Norm;
import dev.lamina.models.RecurrentLayers;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Value;

/**
 * A step of Gemma 3n. A layer predicts all streams, computes the active one, and corrects the
 * others by how wrong that prediction was (AltUp, arXiv:2301.13310); a low-rank branch stands
 * beside attention (LAuReL, arXiv:2411.07501); what it reads of the token itself goes to the other
 * streams.
 */
final class Gemma3nGraph {
  private final Gemma3nConfig c;
  private final Layers l;
  private final Ops g;
  private final Norm norm;
  private final Streams streams;

  Gemma3nGraph(Gemma3nConfig c, Layers l) {
    this.c = c;
    this.l = l;
    this.g = l.graph();
    this.norm = c.norm();
    this.streams = new Streams(c, l);
  }

  void build() throws ModelException {
    DecoderShape s = c.shape();
    Value x = l.scale(l.embedding("embed", s), Math.sqrt(s.hiddenSize()));
    Value perLayer = c.perLayer().of(l, x, s, norm);
    Value all = streams.begun(x);
    for (int i = 0; i < s.numLayers(); i++) {
      String layer = "layers." + i;
      Value predicted = streams.predicted(all, layer + ".streams");
      Value active = streams.active(predicted);

      // Attention over the normed stream, and a low-rank branch beside it.
      Value h = l.norm(active, layer + ".attn.norm", norm);
      Value a = attention(h, i);
      if (i == s.numLayers() - 1) {
        // Nothing below mixes rows any more, so only the wanted ones go on.
        a = l.wantedRows(a);
        h = l.wantedRows(h);
        active = l.wantedRows(active);
        predicted = l.wantedRows(predicted);
        perLayer = l.wantedRows(perLayer);
      }
      a = l.linear(a, layer + ".attn.o", s.hiddenSize(), c.attention().get(i).outputBiased());
      a = l.add(active, l.norm(a, layer + ".attn.postNorm", norm));
      Value sum = l.scale(l.add(a, laurel(h, layer + ".laurel")), Math.sqrt(0.5));

      // Gated feed-forward network, its own output normed.
      Value m = l.mlp(l.norm(sum, layer + ".mlp.norm", norm), layer + ".mlp", c.mlp().get(i));
      Value computed = l.add(sum, l.norm(m, layer + ".mlp.postNorm", norm));

      // The streams by what was computed, and by the token itself.
      all = streams.corrected(predicted, computed, layer + ".streams");
      Value first = streams.active(all);
      if (c.scalesActive()) {
        Value factors =
            RecurrentLayers.vector(l, layer + ".streams.correct_output_scale", s.hiddenSize());
        first = RecurrentLayers.timesEach(g, first, g.cast(factors, first.dtype()));
      }
      Value branch = c.perLayer().branch(l, first, perLayer, i, c.mlp().get(i).activation(), norm);
      all = streams.plusOthers(all, branch);
    }

    // The streams' mean, its norm, then a score for each word of the vocabulary.
    l.logits(l.norm(streams.ended(all), "norm", norm), s, c.head());
  }

  /** {@code [T, H]} to {@code [T, heads * headDim]}. */
  private Value attention(Value h, int i) throws ModelException {
    String module = "layers." + i + ".attn";
    AttentionSpec spec = c.attention().get(i);
    if (c.shares(i)) {
      return l.attendOver(l.queries(h, module, spec), c.kvLayers().get(i), spec);
    }
    Layers.Heads heads = l.projected(h, module, spec);
    Value v = l.norm(heads.v(), module + ".vNorm", norm.plain());
    return l.attend(l.turned(new Layers.Heads(heads.q(), heads.k(), v), module, spec), i, spec);
  }

  private Value laurel(Value h, String module) throws ModelException {
    Value low = l.linear(h, module + ".left", c.laurelRank(), false);
    Value back = l.linear(low, module + ".right", h.shape().dim(1).upperBound(), false);
    return l.add(h, l.norm(back, module + ".norm", norm));
  }
}
