package dev.lamina.models.hybrid;

import dev.lamina.models.Architecture;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.KvGroup;
import dev.lamina.models.Layers;
import dev.lamina.models.Norm;
import dev.lamina.models.WeightNames;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.Value;
import java.util.ArrayList;
import java.util.List;

/**
 * A decoder as a list of branches, each of which reads the normed stream and adds to it: {@code x =
 * x + residualScale * branch(norm(x))}.
 *
 * @param shape its sizes
 * @param norm every norm but those inside branches
 * @param blocks in order
 * @param names of its weights; the last norm is {@code norm}
 * @param head how the vocabulary is scored
 * @param embeddingScale factor on embeddings
 * @param residualScale factor on what each branch adds
 */
public record HybridDecoder(
    DecoderShape shape,
    Norm norm,
    List<Block> blocks,
    WeightNames names,
    HeadSpec head,
    double embeddingScale,
    double residualScale)
    implements Architecture {
  /** Copies the list. */
  public HybridDecoder {
    blocks = List.copyOf(blocks);
  }

  /**
   * A branch in its place.
   *
   * @param norm module of the norm in front of it
   * @param module the branch's own
   * @param branch what it does
   */
  public record Block(String norm, String module, Branch branch) {
    /**
     * A branch of a layer, its norm below its module.
     *
     * @param layer 0-based
     * @param name such as {@code attn}
     * @param branch what it does
     * @return the block
     */
    public static Block of(int layer, String name, Branch branch) {
      String module = "layers." + layer + "." + name;
      return new Block(module + ".norm", module, branch);
    }
  }

  /**
   * A decoder without factors.
   *
   * @param shape its sizes
   * @param norm every norm but those inside branches
   * @param blocks in order
   * @param names of its weights
   * @param head how the vocabulary is scored
   */
  public HybridDecoder(
      DecoderShape shape, Norm norm, List<Block> blocks, WeightNames names, HeadSpec head) {
    this(shape, norm, blocks, names, head, 1, 1);
  }

  @Override
  public List<KvGroup> kvGroups() {
    List<KvGroup.LayerKv> layers = new ArrayList<>();
    blocks.forEach(b -> layers.addAll(b.branch.kv()));
    return layers.isEmpty() ? List.of() : List.of(new KvGroup(layers, 0));
  }

  @Override
  public List<StateSpec.Entry> recurrentState() {
    List<StateSpec.Entry> entries = new ArrayList<>();
    blocks.forEach(b -> entries.addAll(b.branch.state()));
    return entries;
  }

  @Override
  public WeightNames weightNames() {
    return names;
  }

  @Override
  public void build(Layers l) throws ModelException {
    Value x = l.scale(l.embedding("embed", shape), embeddingScale);
    int last = lastMixing();
    for (int i = 0; i < blocks.size(); i++) {
      Block b = blocks.get(i);
      Value mixed = b.branch.mix(l, l.norm(x, b.norm, norm), b.module);
      if (i == last) {
        // Nothing below mixes rows any more, so only the wanted ones go on.
        mixed = l.wantedRows(mixed);
        x = l.wantedRows(x);
      }
      Value out = b.branch.project(l, mixed, b.module, shape.hiddenSize());
      x = l.add(x, l.scale(out, residualScale));
    }
    l.logits(l.norm(x, "norm", norm), shape, head);
  }

  private int lastMixing() {
    for (int i = blocks.size() - 1; i > 0; i--) {
      if (blocks.get(i).branch.mixes()) {
        return i;
      }
    }
    return 0;
  }
}
