package dev.lamina.models.hybrid;

import dev.lamina.models.Layers;
import dev.lamina.models.Norm;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.hybrid.HybridDecoder.Block;
import dev.lamina.models.hybrid.HybridDecoder.Joint;
import dev.lamina.spi.ir.Value;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A step of a hybrid decoder: the stream, and what is still to join it. */
final class HybridGraph {
  private final HybridDecoder decoder;
  private final Layers l;
  private final @Nullable Value[] waiting;
  private @Nullable String lastNorm;
  private @Nullable Value lastNormed;
  private Value x;

  private HybridGraph(HybridDecoder decoder, Layers l) throws ModelException {
    this.decoder = decoder;
    this.l = l;
    this.waiting = new Value[decoder.blocks().size()];
    this.x = l.scale(l.embedding("embed", decoder.shape()), decoder.embeddingScale());
  }

  static void build(HybridDecoder decoder, Layers l) throws ModelException {
    HybridGraph graph = new HybridGraph(decoder, l);
    int last = lastMixing(decoder.blocks());
    for (int i = 0; i < decoder.blocks().size(); i++) {
      graph.add(i, i == last);
    }
    l.logits(l.norm(graph.x, "norm", decoder.lastNorm()), decoder.shape(), decoder.head());
  }

  private static int lastMixing(List<Block> blocks) {
    for (int i = blocks.size() - 1; i > 0; i--) {
      if (blocks.get(i).branch().mixes()) {
        return i;
      }
    }
    return 0;
  }

  private void add(int at, boolean lastMixing) throws ModelException {
    Block b = decoder.blocks().get(at);
    Norm norm = decoder.norm();
    Value in = b.norm() == null ? x : normed(b.norm());
    Value mixed = b.branch().mix(l, in, b.module());
    Joint joint = b.joint();
    Value kept = joint.ofNormed() ? in : x;
    if (lastMixing) {
      // Nothing below mixes rows any more, so only the wanted ones go on.
      mixed = l.wantedRows(mixed);
      kept = l.wantedRows(kept);
      for (int i = 0; i < waiting.length; i++) {
        Value w = waiting[i];
        waiting[i] = w == null ? null : l.wantedRows(w);
      }
    }
    Value out = b.branch().project(l, mixed, b.module(), decoder.shape().hiddenSize());
    out = b.postNorm() == null ? out : l.norm(out, b.postNorm(), norm);
    out = l.scale(out, joint.added());
    kept = l.scale(kept, joint.kept());
    waiting[at + joint.later()] = plus(waiting[at + joint.later()], out);
    Value due = waiting[at];
    if (due != null || kept != x) {
      lastNorm = null;
    }
    x = due == null ? kept : l.add(kept, due);
  }

  /** The stream by a norm, which the block before may have asked for already. */
  private Value normed(String module) throws ModelException {
    Value last = lastNormed;
    if (last != null && module.equals(lastNorm)) {
      return last;
    }
    Value made = l.norm(x, module, decoder.norm());
    lastNorm = module;
    lastNormed = made;
    return made;
  }

  private Value plus(@Nullable Value a, Value b) {
    return a == null ? b : l.add(a, b);
  }
}
