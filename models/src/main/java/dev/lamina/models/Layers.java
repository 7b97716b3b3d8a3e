package dev.lamina.models;

import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.WeightSpec.Use;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.CompositeOp.RopeStyle;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.StepSlots;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The layers that graph builders of families are made of, over one step's inputs.
 *
 * <p>Letters: T tokens of the step, R rows whose logits are wanted, H hidden size. A weight is
 * named by its module ({@code layers.0.attn.q}); {@link WeightNames} says what a checkpoint calls
 * it. Not thread-safe.
 */
public final class Layers {
  final Ops graph;
  final WeightTable weights;
  final StepSlots slots;
  private final ModelOptions options;
  final DType activations;
  private final int maxPositions;
  final DType kvDtype;
  private final Value tokens;
  final Value positions;
  final Value cuSeqlensQ;
  private final Value kvLens;
  private final Value logitsIndices;
  private final Projections projections;
  private final Norms norms;
  private final List<KvPool> pools = new ArrayList<>();
  final @Nullable RecurrentPool recurrent;

  private final int[] poolOfLayer;
  private @Nullable Value lastChosen;
  final LengthLimits lengths;

  Layers(
      Ops graph,
      WeightTable weights,
      Architecture architecture,
      ModelOptions options,
      DType kvDtype) {
    this.graph = graph;
    this.weights = weights;
    this.options = options;
    this.kvDtype = kvDtype;
    this.slots = options.slots(architecture.maxContext());
    this.activations = options.activations();
    this.maxPositions = architecture.maxContext();
    Dim t = slots.tokens();
    this.lengths = new LengthLimits(graph, t);
    this.tokens =
        options.fromEmbeddings()
            ? graph.tensor(
                StepSlots.EMBEDDINGS,
                TensorType.of(activations, t, Dim.of(architecture.shape().hiddenSize())))
            : graph.tensor(StepSlots.TOKEN_IDS, TensorType.of(DType.I32, t));
    this.positions =
        graph.tensor(
            StepSlots.POSITIONS,
            TensorType.of(DType.I32, Dim.of(architecture.positionSections()), t));
    this.cuSeqlensQ =
        graph.tensor(StepSlots.CU_SEQLENS_Q, TensorType.of(DType.I32, slots.bounds()));
    this.kvLens = graph.tensor(StepSlots.KV_LENS, TensorType.of(DType.I32, slots.sequences()));
    this.logitsIndices =
        graph.tensor(StepSlots.LOGITS_INDICES, TensorType.of(DType.I32, slots.rows()));
    this.norms = new Norms(graph, weights);
    this.projections = new Projections(graph, weights, slots, options.lora(), logitsIndices);
    this.poolOfLayer = new int[architecture.shape().numLayers()];
    List<KvGroup> groups = architecture.kvGroups();
    for (int g = 0; g < groups.size(); g++) {
      StateSpec spec = groups.get(g).pool(g, options.slotsPerPage(), kvDtype);
      pools.add(new KvPool(graph, slots, g, spec));
      for (KvGroup.LayerKv l : groups.get(g).layers()) {
        poolOfLayer[l.layer()] = g;
      }
    }
    List<StateSpec.Entry> kept = architecture.recurrentState();
    this.recurrent =
        kept.isEmpty() ? null : new RecurrentPool(graph, slots, RecurrentPool.spec(kept));
  }

  /**
   * The graph, for what has no layer here.
   *
   * @return the builder
   */
  public Ops graph() {
    return graph;
  }

  /**
   * Looks the tokens up, unless the step's input is their embeddings already.
   *
   * @param module the table {@code [V, H]}
   * @param shape V and H
   * @return {@code [T, H]}
   * @throws ModelException if the table is missing or misshapen
   */
  public Value embedding(String module, DecoderShape shape) throws ModelException {
    if (options.fromEmbeddings()) {
      return tokens;
    }
    return lookup(tokens, module, shape.vocabSize(), shape.hiddenSize());
  }

  /**
   * Looks the tokens up in a table of another width and projects them to the model's, unless the
   * step's input is their embeddings already.
   *
   * @param module the table {@code [V, width]}
   * @param width of its rows
   * @param projection the matrix {@code [H, width]}
   * @param shape V and H
   * @return {@code [T, H]}
   * @throws ModelException if a weight is missing or misshapen
   */
  public Value embedding(String module, int width, String projection, DecoderShape shape)
      throws ModelException {
    if (options.fromEmbeddings()) {
      return tokens;
    }
    Value x = lookup(tokens, module, shape.vocabSize(), width);
    return linear(x, projection, shape.hiddenSize(), false);
  }

  /**
   * Looks the tokens up in one more table.
   *
   * @param module the table {@code [rows, width]}
   * @param rows of the table
   * @param width of a row
   * @return {@code [T, width]}
   * @throws ModelException if the table is missing or misshapen, or the step's input is not tokens
   */
  public Value lookup(String module, long rows, long width) throws ModelException {
    if (options.fromEmbeddings()) {
      throw new ModelException(
          "plan: expected token ids, which '%s' is looked up by, got embeddings; give ids"
              .formatted(module));
    }
    return lookup(tokens, module, rows, width);
  }

  /**
   * Looks learned positions up.
   *
   * @param module the table {@code [offset + maxPositions, H]}
   * @param offset row of position 0
   * @param shape H and the longest sequence
   * @return {@code [T, H]}
   * @throws ModelException if the table is missing or misshapen
   */
  public Value positionEmbedding(String module, int offset, DecoderShape shape)
      throws ModelException {
    Value rows = graph.view(positions, slots.tokens());
    if (offset != 0) {
      rows = graph.add(rows, graph.fillLike(rows, offset));
    }
    return lookup(rows, module, (long) offset + shape.maxPositions(), shape.hiddenSize());
  }

  private Value lookup(Value ids, String module, long rows, long width) throws ModelException {
    Value table = weights.get(module + ".weight", Use.EMBEDDING, rows, width);
    return graph.embedding(ids, table, activations);
  }

  /**
   * Projects: the only place where a graph gets the matrix of a projection, so that adapters,
   * quantised weights and shards are added here and nowhere else.
   *
   * @param x {@code [.., K]}
   * @param module the matrix {@code [N, K]} and, if biased, the vector {@code [N]}
   * @param width N
   * @param biased whether a bias is added
   * @return {@code [.., N]}
   * @throws ModelException if a weight is missing or misshapen
   */
  public Value linear(Value x, String module, long width, boolean biased) throws ModelException {
    return linear(x, module, width, biased, activations);
  }

  Value linear(Value x, String module, long width, boolean biased, DType out)
      throws ModelException {
    return projections.linear(x, module, width, biased, out);
  }

  /**
   * Root mean square norm over the last axis.
   *
   * @param x {@code [.., D]}
   * @param module the factors {@code [D]}
   * @param eps added inside the root
   * @return {@code [.., D]}
   * @throws ModelException if the weight is missing or misshapen
   */
  public Value rmsNorm(Value x, String module, double eps) throws ModelException {
    return norms.norm(x, module, Norm.rms(eps));
  }

  /**
   * A norm over the last axis.
   *
   * @param x {@code [.., D]}
   * @param module its factors and its bias, {@code [D]}, as far as it has them
   * @param norm which
   * @return {@code [.., D]}
   * @throws ModelException if a weight is missing or misshapen
   */
  public Value norm(Value x, String module, Norm norm) throws ModelException {
    return norms.norm(x, module, norm);
  }

  /** Queries {@code [T, Hq, D]}, keys and values {@code [T, Hkv, D]} of a step. */
  public record Heads(Value q, Value k, Value v) {}

  /**
   * Grouped-query attention without its output projection: projects, norms and turns queries and
   * keys, appends keys and values to the layer's pool and attends over it.
   *
   * @param x {@code [T, H]}, normed
   * @param layer 0-based
   * @param module modules {@code q}, {@code k}, {@code v} or {@code qkv} and, if normed, {@code
   *     qNorm}, {@code kNorm} below it; {@code gate} if it has one of its own
   * @param spec what the attention does
   * @return {@code [T, numHeads * headDim]}, gated
   * @throws ModelException if a weight is missing or misshapen
   */
  public Value attention(Value x, int layer, String module, AttentionSpec spec)
      throws ModelException {
    HeadProjections.Projected projected = HeadProjections.of(this, x, module, spec);
    Value out = attend(turned(projected.heads(), module, spec), layer, spec);
    Value gate = projected.gate();
    return gate == null ? out : graph.mul(out, graph.unary(CoreOp.UnaryKind.SIGMOID, gate));
  }

  /**
   * The first step of {@link #attention}: projects to heads.
   *
   * @param x {@code [T, H]}, normed
   * @param module modules {@code q}, {@code k}, {@code v} or {@code qkv} below it
   * @param spec what the attention does
   * @return the heads
   * @throws ModelException if a weight is missing or misshapen
   */
  public Heads projected(Value x, String module, AttentionSpec spec) throws ModelException {
    return HeadProjections.of(this, x, module, spec).heads();
  }

  /**
   * The queries of {@link #attention} alone, for a layer that reads another's keys and values.
   *
   * @param x {@code [T, H]}, normed
   * @param module modules {@code q} and, if normed, {@code qNorm} below it
   * @param spec what the attention does
   * @return {@code [T, Hq, D]}, normed and turned
   * @throws ModelException if a weight is missing or misshapen
   */
  public Value queries(Value x, String module, AttentionSpec spec) throws ModelException {
    Value q = HeadProjections.heads(this, x, module + ".q", spec.shape().queryWidth(), spec);
    String qNorm = module + ".qNorm";
    q = spec.clipped(graph, headNorm(q, qNorm, spec, false));
    return headNorm(rope(q, spec), qNorm, spec, true);
  }

  /**
   * The second step of {@link #attention}: norms queries and keys and turns them by their
   * positions.
   *
   * @param heads as projected
   * @param module modules {@code qNorm}, {@code kNorm} below it
   * @param spec what the attention does
   * @return the heads as they are compared
   * @throws ModelException if a weight is missing or misshapen
   */
  public Heads turned(Heads heads, String module, AttentionSpec spec) throws ModelException {
    String qNorm = module + ".qNorm";
    String kNorm = module + ".kNorm";
    Value q = spec.clipped(graph, headNorm(heads.q, qNorm, spec, false));
    Value k = spec.clipped(graph, headNorm(heads.k, kNorm, spec, false));
    Value v = spec.clipped(graph, heads.v);
    q = rope(q, spec);
    k = rope(k, spec);
    q = spec.sharpening() == null ? q : SelectiveLayers.sharpened(this, q, spec.sharpening());
    return new Heads(headNorm(q, qNorm, spec, true), headNorm(k, kNorm, spec, true), v);
  }

  private Value rope(Value x, AttentionSpec spec) {
    RopeParameters rope = spec.rope();
    return rope == null ? x : rope(x, rope, spec.ropeStyle());
  }

  /** Norms the heads if their norm is due: before they are turned, or after. */
  private Value headNorm(Value x, String module, AttentionSpec spec, boolean afterRope)
      throws ModelException {
    QkNorm norm = spec.qkNorm();
    return norm == null || norm.afterRope() != afterRope ? x : norms.heads(x, module, norm);
  }

  /**
   * The third step of {@link #attention}: appends keys and values to the layer's pool and attends
   * over it.
   *
   * @param heads queries, keys and values
   * @param layer 0-based
   * @param spec what the attention does
   * @return {@code [T, numHeads * headDim]}
   * @throws ModelException if sinks are missing or misshapen
   */
  public Value attend(Heads heads, int layer, AttentionSpec spec) throws ModelException {
    KvPool pool = pools.get(poolOfLayer[layer]);
    pool.state = graph.kvAppend(pool.state, layer, heads.k, heads.v, pool.slotMapping);
    return attendOver(heads.q, layer, spec);
  }

  /**
   * Attends over keys and values that are in the pool already, of this layer or an earlier one.
   *
   * @param q {@code [T, Hq, D]}
   * @param layer whose keys and values are read, 0-based
   * @param spec what the attention does
   * @return {@code [T, numHeads * headDim]}
   * @throws ModelException if sinks are missing or misshapen
   */
  public Value attendOver(Value q, int layer, AttentionSpec spec) throws ModelException {
    String name = "layers." + layer + ".attn.sinks";
    Value sinks = spec.sinks() ? weights.get(name, Use.PLAIN, spec.shape().numHeads()) : null;
    KvPool pool = pools.get(poolOfLayer[layer]);
    List<Value> in = new ArrayList<>(List.of(q, pool.state, cuSeqlensQ, kvLens, pool.blockTable));
    if (sinks != null) {
      in.add(graph.cast(sinks, DType.F32));
    }
    float[] slopes = spec.alibiSlopes();
    if (slopes.length > 0) {
      in.add(weights.constant("alibi.slopes", slopes));
    }
    Value out = graph.pagedAttention(spec.op(layer), in.toArray(Value[]::new));
    return graph.view(out, out.shape().dim(0), Dim.of(spec.shape().queryWidth()));
  }

  /** Keeps what a position has of an entry, {@code [T, 1, D]}, in the layer's pool. */
  void keep(String entry, int layer, Value x) {
    KvPool pool = pools.get(poolOfLayer[layer]);
    Value stored = graph.cast(x, kvDtype);
    pool.state = graph.stateImport(pool.state, entry, layer, stored, pool.slotMapping);
  }

  /** Attends over the latents of the layer's pool, all of them or those that are chosen. */
  Value attendLatent(Value q, @Nullable Value chosen, CompositeOp.MlaAttention op) {
    KvPool pool = pools.get(poolOfLayer[op.layer()]);
    return chosen == null
        ? graph.mlaAttention(op, q, pool.state, cuSeqlensQ, kvLens, pool.blockTable)
        : graph.mlaAttention(op, q, pool.state, cuSeqlensQ, kvLens, pool.blockTable, chosen);
  }

  /** The positions of the layer's pool that each token looks at. */
  Value choosePositions(Value q, Value weights, CompositeOp.IndexTopk op) {
    KvPool pool = pools.get(poolOfLayer[op.layer()]);
    Value chosen = graph.indexTopk(op, q, weights, pool.state, cuSeqlensQ, kvLens, pool.blockTable);
    lastChosen = chosen;
    return chosen;
  }

  /** The positions that the nearest earlier layer has chosen. */
  Value lastChosen() {
    return Objects.requireNonNull(lastChosen, "an earlier layer that chooses positions");
  }

  /**
   * Turns the heads by their positions.
   *
   * @param x {@code [T, heads, D]}
   * @param rope the embedding; equal ones share an input of the graph
   * @param style which elements turn together
   * @return {@code [T, heads, D]}
   */
  public Value rope(Value x, RopeParameters rope, RopeStyle style) {
    int maxModelLen = options.maxModelLen(maxPositions);
    LengthScaling scaling = LengthLimits.scaling(rope, maxModelLen);
    if (scaling != null) {
      lengths.note(scaling);
      return LengthRope.turned(this, x, rope, style, scaling.pretrainedLength());
    }
    RopeFrequencies frequencies = RopeFrequencies.of(rope, maxModelLen);
    float[] freqs = frequencies.freqs();
    Value f = weights.constant("rope.freqs", freqs);
    CompositeOp.Rope op =
        new CompositeOp.Rope(style, 2 * freqs.length, frequencies.scale(), List.of());
    return graph.rope(op, x, positions, f);
  }

  /**
   * Feed-forward network.
   *
   * @param x {@code [.., H]}, normed
   * @param module modules {@code gate}, {@code up}, {@code gateUp} and {@code down} below it, as
   *     far as it has them
   * @param spec what the network does
   * @return {@code [.., H]}
   * @throws ModelException if a weight is missing or misshapen
   */
  public Value mlp(Value x, String module, MlpSpec spec) throws ModelException {
    long width = spec.width();
    boolean biased = spec.biased();
    Value inner =
        switch (spec.form()) {
          case GATED -> {
            Value g = scale(linear(x, module + ".gate", width, biased), spec.gateScale());
            g = spec.sparsity() == 0 ? g : GaussianCut.of(this, g, spec.sparsity());
            Value up = linear(x, module + ".up", width, biased);
            yield spec.activation().gated(graph, g, up);
          }
          case GATED_FUSED -> {
            Value both = linear(x, module + ".gateUp", 2 * width, biased);
            int axis = both.shape().rank() - 1;
            yield spec.activation()
                .gated(
                    graph,
                    scale(graph.slice(both, axis, 0, Dim.of(width)), spec.gateScale()),
                    graph.slice(both, axis, width, Dim.of(width)));
          }
          case PLAIN -> {
            Value up = scale(linear(x, module + ".up", width, biased), spec.gateScale());
            yield spec.activation() == MlpSpec.Activation.XIELU
                ? Xielu.of(graph, weights, up, module + ".act")
                : spec.activation().of(graph, up);
          }
        };
    Norm innerNorm = spec.innerNorm();
    inner = innerNorm == null ? inner : norm(inner, module + ".innerNorm", innerNorm);
    long out = x.shape().dim(-1).upperBound();
    return scale(linear(inner, module + ".down", out, biased), spec.outScale());
  }

  /**
   * Multiplies by a number; by 1 nothing is added.
   *
   * @param x a float tensor
   * @param factor the number
   * @return the product
   */
  public Value scale(Value x, double factor) {
    return factor == 1 ? x : graph.mul(x, graph.fillLike(x, factor));
  }

  /**
   * Multiplies by a number that the checkpoint has.
   *
   * @param x a float tensor
   * @param weight the number's name, a tensor {@code [1]}
   * @return the product
   * @throws ModelException if the weight is missing or misshapen
   */
  public Value scaleBy(Value x, String weight) throws ModelException {
    Value w = weights.get(weight, Use.PLAIN, 1);
    Value like = w.dtype() == x.dtype() ? w : graph.cast(w, x.dtype());
    return graph.mul(x, graph.broadcast(like, x.shape(), x.shape().rank() - 1));
  }

  /**
   * Bounds smoothly: {@code bound * tanh(x / bound)}.
   *
   * @param x a float tensor
   * @param bound 0 = none
   * @return the bounded tensor
   */
  public Value softcap(Value x, double bound) {
    if (bound == 0) {
      return x;
    }
    Value share = graph.div(x, graph.fillLike(x, bound));
    Value capped = graph.unary(CoreOp.UnaryKind.TANH, share);
    return graph.mul(capped, graph.fillLike(x, bound));
  }

  /**
   * Sums two branches.
   *
   * @param a {@code [.., H]}
   * @param b of the same shape
   * @return their sum
   */
  public Value add(Value a, Value b) {
    return graph.add(a, b);
  }

  /**
   * Keeps the rows whose logits are wanted; everything after it works on these alone.
   *
   * @param x {@code [T, ..]}
   * @return {@code [R, ..]}
   */
  public Value wantedRows(Value x) {
    return graph.gather(x, logitsIndices, 0);
  }

  /**
   * Ends the step: scores the vocabulary and names the outputs.
   *
   * @param hidden {@code [R, H]}, after the last norm
   * @param shape V and H
   * @param head how
   * @throws ModelException if the head is missing or misshapen
   */
  public void logits(Value hidden, DecoderShape shape, HeadSpec head) throws ModelException {
    Value x = head.width() == 0 ? hidden : linear(hidden, "projectOut", head.width(), false);
    long width = x.shape().dim(-1).upperBound();
    boolean own =
        !head.tied() || weights.find("head.weight", Use.LINEAR, shape.vocabSize(), width) != null;
    Value logits = linear(x, own ? "head" : "embed", shape.vocabSize(), head.biased(), DType.F32);
    graph.output(StepSlots.HIDDEN, hidden);
    graph.output(StepSlots.LOGITS, softcap(scale(logits, head.scale()), head.softcap()));
  }

  /** The projections that adapters may add to. */
  List<LoraModule> adapted() {
    return projections.adapted();
  }

  /** Ends the graph; the family has added its nodes. */
  Graph build() {
    for (int g = 0; g < pools.size(); g++) {
      graph.output(StepSlots.kvPool(g), pools.get(g).state);
    }
    if (recurrent != null) {
      graph.output(StepSlots.RECURRENT, recurrent.state);
    }
    return graph.build();
  }
}
