package dev.lamina.models.decoder;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.ExpertLayers;
import dev.lamina.models.LatentLayers;
import dev.lamina.models.Layers;
import dev.lamina.models.MlaSpec;
import dev.lamina.models.MoeSpec;
import dev.lamina.models.Norm;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.ir.Value;

/** A step of a decoder. */
final class DecoderGraph {
  private DecoderGraph() {}

  static void build(Decoder c, Layers l) throws ModelException {
    DecoderShape s = c.shape();

    // Token embeddings: the residual stream, x [T, H].
    Value x =
        c.projectsEmbeddings()
            ? l.embedding("embed", c.embeddingWidth(), "projectIn", s)
            : l.embedding("embed", s);
    x = l.scale(x, c.embeddingScale());
    Norm embeddingNorm = c.embeddingNorm();
    x = embeddingNorm == null ? x : l.norm(x, "embedNorm", embeddingNorm);
    if (c.hasLearnedPositions()) {
      x = l.add(x, l.positionEmbedding("positions", c.positionOffset(), s));
    }
    for (int i = 0; i < s.numLayers(); i++) {
      String layer = "layers." + i;
      AttentionSpec attention = c.attention(i);

      // Attention over the normed stream.
      Value h = c.normsBefore() ? l.norm(x, layer + ".attn.norm", c.norm()) : x;
      MlaSpec latent = c.latent(i);
      Value a =
          latent == null
              ? l.attention(h, i, layer + ".attn", attention)
              : LatentLayers.attention(l, h, i, layer + ".attn", latent);
      boolean parallel = c.branches() == Decoder.Branches.PARALLEL;
      if (i == s.numLayers() - 1) {
        // Nothing below mixes rows any more, so only the wanted ones go on.
        a = l.wantedRows(a);
        x = l.wantedRows(x);
        h = parallel ? l.wantedRows(h) : h;
      }
      Norm outputNorm = attention.outputNorm();
      a = outputNorm == null ? a : l.norm(a, layer + ".attn.outputNorm", outputNorm);
      a = l.linear(a, layer + ".attn.o", s.hiddenSize(), attention.outputBiased());

      // The network beside it reads the same input, ...
      if (c.branches() != Decoder.Branches.SEQUENTIAL) {
        h = parallel ? h : l.norm(x, layer + ".mlp.norm", c.norm());
        Value both = l.add(a, network(c, l, h, i));
        x = l.add(x, l.scale(both, c.residualScale()));
        continue;
      }
      x = joined(c, l, x, a, layer + ".attn");

      // ... the one after it, what attention has written.
      h = c.normsBefore() ? l.norm(x, layer + ".mlp.norm", c.norm()) : x;
      x = joined(c, l, x, network(c, l, h, i), layer + ".mlp");
    }

    // Last norm, then a score for each word of the vocabulary.
    x = c.hasFinalNorm() ? l.norm(x, "norm", c.norm()) : x;
    l.logits(x, s, c.head());
  }

  /** The layer's network, or its mixture of experts. */
  private static Value network(Decoder c, Layers l, Value h, int layer) throws ModelException {
    String module = "layers." + layer + ".mlp";
    MoeSpec experts = c.experts(layer);
    return experts == null
        ? l.mlp(h, module, c.mlp())
        : ExpertLayers.mixture(l, h, module, experts);
  }

  /** The stream after a branch has joined it. */
  private static Value joined(Decoder c, Layers l, Value x, Value branch, String module)
      throws ModelException {
    Value b = c.normsAfter() ? l.norm(branch, module + ".postNorm", c.norm()) : branch;
    Value sum = l.add(x, l.scale(b, c.residualScale()));
    return c.normsJoined() ? l.norm(sum, module + ".norm", c.norm()) : sum;
  }
}
