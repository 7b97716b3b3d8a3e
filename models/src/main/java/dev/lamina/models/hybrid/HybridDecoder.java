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
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A decoder as a list of branches, each of which reads the normed stream and adds to it: {@code x =
 * x + branch(norm(x))} but for what a {@link Block} says else.
 *
 * @param shape its sizes
 * @param norm of branches, in front of and behind them
 * @param lastNorm after all branches, {@code norm}
 * @param blocks in order
 * @param names of its weights
 * @param head how the vocabulary is scored
 * @param embeddingScale factor on embeddings
 */
public record HybridDecoder(
    DecoderShape shape,
    Norm norm,
    Norm lastNorm,
    List<Block> blocks,
    WeightNames names,
    HeadSpec head,
    double embeddingScale)
    implements Architecture {
  /** Copies the list. */
  public HybridDecoder {
    blocks = List.copyOf(blocks);
  }

  /**
   * A branch in its place.
   *
   * @param norm module of the norm in front of it, null for none
   * @param postNorm module of the norm behind it, null for none
   * @param module the branch's own
   * @param branch what it does
   * @param joint how its output joins the stream
   */
  public record Block(
      @Nullable String norm, @Nullable String postNorm, String module, Branch branch, Joint joint) {
    /**
     * A branch with a norm in front of it, plainly added.
     *
     * @param norm module of the norm
     * @param module the branch's own
     * @param branch what it does
     */
    public Block(String norm, String module, Branch branch) {
      this(norm, null, module, branch, Joint.SUM);
    }

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

    /**
     * A branch of a layer that is normed behind, not in front, by {@code postNorm} below its
     * module.
     *
     * @param layer 0-based
     * @param name such as {@code attn}
     * @param branch what it does
     * @return the block
     */
    public static Block normedBehind(int layer, String name, Branch branch) {
      String module = "layers." + layer + "." + name;
      return new Block(null, module + ".postNorm", module, branch, Joint.SUM);
    }

    /**
     * This joining otherwise.
     *
     * @param how it joins
     * @return a new block
     */
    public Block withJoint(Joint how) {
      return new Block(norm, postNorm, module, branch, how);
    }
  }

  /**
   * How a branch joins the stream.
   *
   * @param ofNormed whether what goes on is the normed stream that the branch read, not the stream
   * @param kept factor on what goes on
   * @param added factor on the branch
   * @param later blocks that come before it joins; what they read lacks it
   */
  public record Joint(boolean ofNormed, double kept, double added, int later) {
    /** The plain sum. */
    public static final Joint SUM = scaled(1);

    /**
     * A sum with a factor on the branch.
     *
     * @param factor the factor
     * @return the joint
     */
    public static Joint scaled(double factor) {
      return new Joint(false, 1, factor, 0);
    }

    /**
     * A sum behind later blocks, as a shortcut around them has it (arXiv:2404.05019).
     *
     * @param blocks how many
     * @return the joint
     */
    public static Joint after(int blocks) {
      return new Joint(false, 1, 1, blocks);
    }
  }

  /**
   * A decoder without a factor on its embeddings.
   *
   * @param shape its sizes
   * @param norm every norm but those inside branches
   * @param blocks in order
   * @param names of its weights
   * @param head how the vocabulary is scored
   */
  public HybridDecoder(
      DecoderShape shape, Norm norm, List<Block> blocks, WeightNames names, HeadSpec head) {
    this(shape, norm, norm, blocks, names, head, 1);
  }

  /**
   * This with a factor on its embeddings.
   *
   * @param factor the factor
   * @return a new decoder
   */
  public HybridDecoder withEmbeddingScale(double factor) {
    return new HybridDecoder(shape, norm, lastNorm, blocks, names, head, factor);
  }

  /**
   * This with another norm after all branches.
   *
   * @param last which
   * @return a new decoder
   */
  public HybridDecoder withLastNorm(Norm last) {
    return new HybridDecoder(shape, norm, last, blocks, names, head, embeddingScale);
  }

  @Override
  public List<KvGroup> kvGroups() {
    List<KvGroup.LayerKv> far = new ArrayList<>();
    List<KvGroup.LayerKv> near = new ArrayList<>();
    long window = 0;
    for (Block b : blocks) {
      long reach = b.branch.reach();
      (reach == 0 ? far : near).addAll(b.branch.kv());
      window = Math.max(window, reach);
    }
    return KvGroup.of(far, near, window);
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
    HybridGraph.build(this, l);
  }
}
