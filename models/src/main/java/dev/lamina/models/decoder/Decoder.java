package dev.lamina.models.decoder;

import dev.lamina.models.Architecture;
import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.KvGroup;
import dev.lamina.models.Layers;
import dev.lamina.models.MlaSpec;
import dev.lamina.models.MlpSpec;
import dev.lamina.models.MoeSpec;
import dev.lamina.models.Norm;
import dev.lamina.models.RopeParameters;
import dev.lamina.models.WeightNames;
import dev.lamina.models.checkpoint.ModelException;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.IntPredicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A decoder, described. Immutable; starts as Llama (root mean square norm before each branch,
 * branches one after the other, no factors) and each {@code with} says one departure from it.
 */
public final class Decoder implements Architecture {
  /** Where a layer's two branches are normed. */
  public enum Placement {
    /** The branch's input: {@code attn.norm}, {@code mlp.norm}. */
    BEFORE,
    /**
     * The branch's output, before it joins the stream: {@code attn.postNorm}, {@code mlp.postNorm}.
     */
    AFTER,
    /** Both of these. */
    AROUND,
    /** The stream, after the branch has joined it: {@code attn.norm}, {@code mlp.norm}. */
    JOINED
  }

  /** How a layer's two branches relate. */
  public enum Branches {
    /** The network reads what attention has written. */
    SEQUENTIAL,
    /** Both read the layer's input by one norm, {@code attn.norm}. */
    PARALLEL,
    /** Both read the layer's input, each by a norm of its own. */
    PARALLEL_OWN_NORMS
  }

  private final DecoderShape shape;
  private List<AttentionSpec> attention;
  private MlpSpec mlp;
  private final Norm norm;
  private HeadSpec head = new HeadSpec(false);
  private WeightNames names = WeightNames.LLAMA;
  private Placement placement = Placement.BEFORE;
  private Branches branches = Branches.SEQUENTIAL;
  private boolean finalNorm = true;
  private @Nullable Norm embeddingNorm;
  private double embeddingScale = 1;
  private double residualScale = 1;
  private int embeddingWidth;
  private int positionOffset = -1;
  private List<MlaSpec> latents = List.of();
  private @Nullable MoeSpec experts;
  private Set<Integer> expertLayers = Set.of();

  /**
   * A decoder as Llama is one.
   *
   * @param shape its sizes
   * @param attention of every layer
   * @param mlp feed-forward network of every layer
   * @param norm every norm but those of queries and keys
   */
  public Decoder(DecoderShape shape, AttentionSpec attention, MlpSpec mlp, Norm norm) {
    this(shape, Collections.nCopies(shape.numLayers(), attention), mlp, norm);
  }

  /**
   * A decoder whose layers attend differently.
   *
   * @param shape its sizes
   * @param attention of each layer
   * @param mlp feed-forward network of every layer
   * @param norm every norm but those of queries and keys
   */
  public Decoder(DecoderShape shape, List<AttentionSpec> attention, MlpSpec mlp, Norm norm) {
    this.shape = shape;
    this.attention = List.copyOf(attention);
    this.mlp = mlp;
    this.norm = norm;
    this.embeddingWidth = shape.hiddenSize();
  }

  private Decoder with(Consumer<Decoder> change) {
    Decoder copy = new Decoder(shape, attention, mlp, norm);
    copy.head = head;
    copy.names = names;
    copy.placement = placement;
    copy.branches = branches;
    copy.finalNorm = finalNorm;
    copy.embeddingNorm = embeddingNorm;
    copy.embeddingScale = embeddingScale;
    copy.residualScale = residualScale;
    copy.embeddingWidth = embeddingWidth;
    copy.positionOffset = positionOffset;
    copy.latents = latents;
    copy.experts = experts;
    copy.expertLayers = expertLayers;
    change.accept(copy);
    return copy;
  }

  /**
   * This with another attention in every layer.
   *
   * @param spec what each layer does
   * @return a new description
   */
  public Decoder withAttention(AttentionSpec spec) {
    return withAttention(Collections.nCopies(shape.numLayers(), spec));
  }

  /**
   * This with other attentions.
   *
   * @param specs what each layer does
   * @return a new description
   */
  public Decoder withAttention(List<AttentionSpec> specs) {
    return with(d -> d.attention = List.copyOf(specs));
  }

  /**
   * This with another feed-forward network.
   *
   * @param spec what it does
   * @return a new description
   */
  public Decoder withMlp(MlpSpec spec) {
    return with(d -> d.mlp = spec);
  }

  /**
   * This with another head.
   *
   * @param spec how the vocabulary is scored
   * @return a new description
   */
  public Decoder withHead(HeadSpec spec) {
    return with(d -> d.head = spec);
  }

  /**
   * This with other names of weights.
   *
   * @param map the names
   * @return a new description
   */
  public Decoder withNames(WeightNames map) {
    return with(d -> d.names = map);
  }

  /**
   * This with norms elsewhere.
   *
   * @param where the branches are normed
   * @return a new description
   */
  public Decoder withNorms(Placement where) {
    return with(d -> d.placement = where);
  }

  /**
   * This with other branches.
   *
   * @param how they relate
   * @return a new description
   */
  public Decoder withBranches(Branches how) {
    return with(d -> d.branches = how);
  }

  /**
   * This with or without a norm, {@code norm}, after the last layer.
   *
   * @param on whether there is one
   * @return a new description
   */
  public Decoder withFinalNorm(boolean on) {
    return with(d -> d.finalNorm = on);
  }

  /**
   * This with a norm of the embeddings, {@code embedNorm}.
   *
   * @param of the embeddings
   * @return a new description
   */
  public Decoder withEmbeddingNorm(Norm of) {
    return with(d -> d.embeddingNorm = of);
  }

  /**
   * This with a factor on the embeddings.
   *
   * @param factor the factor
   * @return a new description
   */
  public Decoder withEmbeddingScale(double factor) {
    return with(d -> d.embeddingScale = factor);
  }

  /**
   * This with a factor on what each branch adds to the stream.
   *
   * @param factor the factor
   * @return a new description
   */
  public Decoder withResidualScale(double factor) {
    return with(d -> d.residualScale = factor);
  }

  /**
   * This with embeddings of another width than the stream, and a matrix {@code projectIn} between
   * them if the widths differ.
   *
   * @param width of an embedding
   * @return a new description
   */
  public Decoder withEmbeddingWidth(int width) {
    return with(d -> d.embeddingWidth = width);
  }

  /**
   * This with learned positions, {@code positions}.
   *
   * @param offset row of position 0
   * @return a new description
   */
  public Decoder withLearnedPositions(int offset) {
    return with(d -> d.positionOffset = offset);
  }

  /**
   * This with attention over latents in every layer, in place of what the layers were said to do.
   *
   * @param spec what it does
   * @return a new description
   */
  public Decoder withLatentAttention(MlaSpec spec) {
    return withLatentAttention(Collections.nCopies(shape.numLayers(), spec));
  }

  /**
   * This with attentions over latents, in place of what the layers were said to do.
   *
   * @param specs what each layer does, all keeping latents of one width
   * @return a new description
   */
  public Decoder withLatentAttention(List<MlaSpec> specs) {
    return with(d -> d.latents = List.copyOf(specs));
  }

  /**
   * This with a mixture of experts in place of the network of some layers.
   *
   * @param spec what the mixture does
   * @param where whether a layer, 0-based, has it
   * @return a new description
   */
  public Decoder withExperts(MoeSpec spec, IntPredicate where) {
    Set<Integer> layers =
        IntStream.range(0, shape.numLayers())
            .filter(where)
            .boxed()
            .collect(Collectors.toUnmodifiableSet());
    return with(d -> {
      d.experts = spec;
      d.expertLayers = layers;
    });
  }

  @Override
  public DecoderShape shape() {
    return shape;
  }

  @Override
  public int maxContext() {
    int longest = shape.maxPositions();
    for (AttentionSpec spec : attention) {
      RopeParameters rope = spec.rope();
      longest = rope == null ? longest : Math.max(longest, rope.reach());
    }
    return longest;
  }

  @Override
  public List<KvGroup> kvGroups() {
    return latents.isEmpty() ? KvGroup.groups(attention) : List.of(KvGroup.ofLatents(latents));
  }

  @Override
  public WeightNames weightNames() {
    return names;
  }

  @Override
  public void build(Layers layers) throws ModelException {
    DecoderGraph.build(this, layers);
  }

  AttentionSpec attention(int layer) {
    return attention.get(layer);
  }

  /** The attention of a layer over latents, null if it keeps keys and values. */
  @Nullable MlaSpec latent(int layer) {
    return latents.isEmpty() ? null : latents.get(layer);
  }

  MlpSpec mlp() {
    return mlp;
  }

  /** The mixture of a layer, null if it has a network. */
  @Nullable MoeSpec experts(int layer) {
    return expertLayers.contains(layer) ? experts : null;
  }

  Norm norm() {
    return norm;
  }

  HeadSpec head() {
    return head;
  }

  boolean normsBefore() {
    return placement == Placement.BEFORE || placement == Placement.AROUND;
  }

  boolean normsAfter() {
    return placement == Placement.AFTER || placement == Placement.AROUND;
  }

  boolean normsJoined() {
    return placement == Placement.JOINED;
  }

  Branches branches() {
    return branches;
  }

  boolean hasFinalNorm() {
    return finalNorm;
  }

  @Nullable Norm embeddingNorm() {
    return embeddingNorm;
  }

  double embeddingScale() {
    return embeddingScale;
  }

  double residualScale() {
    return residualScale;
  }

  int embeddingWidth() {
    return embeddingWidth;
  }

  boolean projectsEmbeddings() {
    return embeddingWidth != shape.hiddenSize();
  }

  boolean hasLearnedPositions() {
    return positionOffset >= 0;
  }

  int positionOffset() {
    return positionOffset;
  }
}
