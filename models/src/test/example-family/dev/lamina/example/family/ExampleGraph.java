package dev.lamina.example.family;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.Layers;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.ir.Value;

/** A step of the example: a pre-norm decoder whose every n-th layer sees no positions. */
final class ExampleGraph {
  private ExampleGraph() {}

  static void build(ExampleConfig c, Layers l) throws ModelException {
    DecoderShape s = c.shape();
    AttentionSpec attention = new AttentionSpec(s, c.rope());
    AttentionSpec withoutPositions = attention.withRope(null);

    // Token embeddings: the residual stream, x [T, H].
    Value x = l.embedding("embed", s);
    for (int i = 0; i < s.numLayers(); i++) {
      String layer = "layers." + i;
      boolean nope = (i + 1) % c.nopeInterval() == 0;

      // Attention over the normed stream.
      Value h = l.rmsNorm(x, layer + ".attn.norm", c.rmsNormEps());
      Value a = l.attention(h, i, layer + ".attn", nope ? withoutPositions : attention);
      if (i == s.numLayers() - 1) {
        // Nothing below mixes rows any more, so only the wanted ones go on.
        a = l.wantedRows(a);
        x = l.wantedRows(x);
      }
      x = l.add(x, l.linear(a, layer + ".attn.o", s.hiddenSize(), false));

      // Gated feed-forward network over the normed stream.
      h = l.rmsNorm(x, layer + ".mlp.norm", c.rmsNormEps());
      x = l.add(x, l.mlp(h, layer + ".mlp", c.mlp()));
    }

    // Last norm, then a score for each word of the vocabulary.
    l.logits(l.rmsNorm(x, "norm", c.rmsNormEps()), s, new HeadSpec(false));
  }
}
