package dev.lamina.models.llama4;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.ExpertLayers;
import dev.lamina.models.Layers;
import dev.lamina.models.SelectiveLayers;
import dev.lamina.models.SelectiveLayers.Sharpening;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.ir.Value;

/** A step of Llama 4: a pre-norm decoder of chunks, with experts beside a shared network. */
final class Llama4Graph {
  private Llama4Graph() {}

  static void build(Llama4Config c, Layers l) throws ModelException {
    DecoderShape s = c.shape();

    // Token embeddings: the residual stream, x [T, H].
    Value x = l.embedding("embed", s);
    for (int i = 0; i < s.numLayers(); i++) {
      String layer = "layers." + i;
      AttentionSpec attention = c.attention().get(i);

      // Attention over the normed stream; without positions, sharper the further it looks back.
      Value h = l.norm(x, layer + ".attn.norm", c.norm());
      Layers.Heads heads = l.projected(h, layer + ".attn", attention);
      heads = l.turned(heads, layer + ".attn", attention);
      if (attention.rope() == null && c.temperature().on()) {
        Llama4Config.Temperature by = c.temperature();
        Value q =
            SelectiveLayers.sharpened(l, heads.q(), new Sharpening(by.span(), by.strength(), 1));
        heads = new Layers.Heads(q, heads.k(), heads.v());
      }
      Value a = l.attend(heads, i, attention);
      if (i == s.numLayers() - 1) {
        // Nothing below mixes rows any more, so only the wanted ones go on.
        a = l.wantedRows(a);
        x = l.wantedRows(x);
      }
      x = l.add(x, l.linear(a, layer + ".attn.o", s.hiddenSize(), attention.outputBiased()));

      // A network, or the chosen experts beside the one that all tokens share.
      h = l.norm(x, layer + ".mlp.norm", c.norm());
      if (c.moeLayers().contains(i)) {
        x = l.add(x, ExpertLayers.mixture(l, h, layer + ".mlp", c.experts()));
      } else {
        x = l.add(x, l.mlp(h, layer + ".mlp", c.mlp()));
      }
    }

    // Last norm, then a score for each word of the vocabulary.
    l.logits(l.norm(x, "norm", c.norm()), s, c.head());
  }
}
