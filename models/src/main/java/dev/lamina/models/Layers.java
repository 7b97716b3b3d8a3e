package dev.lamina.models;

import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.WeightSpec.Use;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.CompositeOp.Gate;
import dev.lamina.spi.ir.CompositeOp.RopeStyle;
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

/**
 * The layers that graph builders of families are made of, over one step's inputs.
 *
 * <p>Letters: T tokens of the step, R rows whose logits are wanted, H hidden size. A weight is
 * named by its module ({@code layers.0.attn.q}); {@link WeightNames} says what a checkpoint calls
 * it. Not thread-safe.
 */
public final class Layers {
  private final Ops graph;
  private final WeightTable weights;
  private final StepSlots slots;
  private final ModelOptions options;
  private final DType activations;

  private final Value tokens;
  private final Value positions;
  private final Value cuSeqlensQ;
  private final Value kvLens;
  private final Value logitsIndices;
  private final List<Pool> pools = new ArrayList<>();

  /** A KV group's inputs, and the latest successor of its pool. */
  private static final class Pool {
    final Value slotMapping;
    final Value blockTable;
    Value state;

    Pool(Value slotMapping, Value blockTable, Value state) {
      this.slotMapping = slotMapping;
      this.blockTable = blockTable;
      this.state = state;
    }
  }

  private final int[] poolOfLayer;

  Layers(
      Ops graph,
      WeightTable weights,
      Architecture architecture,
      ModelOptions options,
      DType kvDtype) {
    this.graph = graph;
    this.weights = weights;
    this.options = options;
    this.slots = options.slots(architecture.shape().maxPositions());
    this.activations = options.activations();
    Dim t = slots.tokens();
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
    this.poolOfLayer = new int[architecture.shape().numLayers()];
    List<KvGroup> groups = architecture.kvGroups();
    for (int g = 0; g < groups.size(); g++) {
      StateSpec spec = groups.get(g).pool(g, options.slotsPerPage(), kvDtype);
      pools.add(
          new Pool(
              graph.tensor(StepSlots.slotMapping(g), TensorType.of(DType.I32, t)),
              graph.tensor(
                  StepSlots.blockTable(g),
                  TensorType.of(DType.I32, slots.sequences(), slots.pages())),
              graph.state(spec)));
      for (KvGroup.LayerKv l : groups.get(g).layers()) {
        poolOfLayer[l.layer()] = g;
      }
    }
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
   * Longest sequence that will be run, for what depends on it.
   *
   * @param shape the model's sizes
   * @return tokens
   */
  public int maxModelLen(DecoderShape shape) {
    return options.maxModelLen(shape.maxPositions());
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
    Value table =
        weights.get(module + ".weight", Use.EMBEDDING, shape.vocabSize(), shape.hiddenSize());
    return graph.embedding(tokens, table, activations);
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

  private Value linear(Value x, String module, long width, boolean biased, DType out)
      throws ModelException {
    long k = x.shape().dim(-1).upperBound();
    Value w = weights.get(module + ".weight", Use.LINEAR, width, k);
    Value bias = biased ? weights.get(module + ".bias", Use.PLAIN, width) : null;
    return graph.linear(x, w, bias, out);
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
    Value w = weights.get(module + ".weight", Use.PLAIN, x.shape().dim(-1).upperBound());
    return graph.rmsNorm(x, w, eps, false);
  }

  /**
   * Grouped-query attention without its output projection: projects, norms and turns queries and
   * keys, appends keys and values to the layer's pool and attends over it.
   *
   * @param x {@code [T, H]}, normed
   * @param layer 0-based
   * @param module modules {@code q}, {@code k}, {@code v} and, if normed, {@code qNorm}, {@code
   *     kNorm} below it
   * @param spec what the attention does
   * @return {@code [T, numHeads * headDim]}
   * @throws ModelException if a weight is missing or misshapen
   */
  public Value attention(Value x, int layer, String module, AttentionSpec spec)
      throws ModelException {
    DecoderShape shape = spec.shape();
    Value q = heads(linear(x, module + ".q", shape.queryWidth(), spec.biased()), shape.headDim());
    Value k = heads(linear(x, module + ".k", shape.kvWidth(), spec.biased()), shape.headDim());
    Value v = heads(linear(x, module + ".v", shape.kvWidth(), spec.biased()), shape.headDim());
    if (spec.qkNormEps() > 0) {
      q = rmsNorm(q, module + ".qNorm", spec.qkNormEps());
      k = rmsNorm(k, module + ".kNorm", spec.qkNormEps());
    }
    RopeFrequencies rope = spec.rope();
    if (rope != null) {
      q = rope(q, rope);
      k = rope(k, rope);
    }
    Pool pool = pools.get(poolOfLayer[layer]);
    pool.state = graph.kvAppend(pool.state, layer, k, v, pool.slotMapping);
    CompositeOp.PagedAttention op =
        new CompositeOp.PagedAttention(
            layer, 1 / Math.sqrt(shape.headDim()), true, spec.window(), 0, 0, false, false);
    Value out = graph.pagedAttention(op, q, pool.state, cuSeqlensQ, kvLens, pool.blockTable);
    return graph.view(out, out.shape().dim(0), Dim.of(shape.queryWidth()));
  }

  private Value heads(Value x, int headDim) {
    long count = x.shape().dim(1).upperBound() / headDim;
    return graph.view(x, x.shape().dim(0), Dim.of(count), Dim.of(headDim));
  }

  /**
   * Turns the heads by their positions, element i with i + D / 2.
   *
   * @param x {@code [T, heads, D]}
   * @param rope frequencies, one input of the graph for all layers that share them
   * @return {@code [T, heads, D]}
   */
  public Value rope(Value x, RopeFrequencies rope) {
    float[] freqs = rope.freqs();
    Value f = weights.constant("rope.freqs", freqs);
    CompositeOp.Rope op =
        new CompositeOp.Rope(RopeStyle.NEOX, 2 * freqs.length, rope.scale(), List.of());
    return graph.rope(op, x, positions, f);
  }

  /**
   * Gated feed-forward network: {@code down(gate(x_gate) * x_up)}.
   *
   * @param x {@code [.., H]}, normed
   * @param module modules {@code gate}, {@code up} and {@code down} below it
   * @param width of the inner vectors
   * @param gate the activation
   * @param biased whether the projections add a bias
   * @return {@code [.., H]}
   * @throws ModelException if a weight is missing or misshapen
   */
  public Value gatedMlp(Value x, String module, long width, Gate gate, boolean biased)
      throws ModelException {
    Value g = linear(x, module + ".gate", width, biased);
    Value up = linear(x, module + ".up", width, biased);
    Value inner = graph.gatedActivation(gate, g, up);
    return linear(inner, module + ".down", x.shape().dim(-1).upperBound(), biased);
  }

  /**
   * The gated activation that a configuration names.
   *
   * @param config a model's configuration
   * @param key such as {@code hidden_act}
   * @return the activation
   * @throws ModelException if it is not known
   */
  public static Gate gate(ModelConfig config, String key) throws ModelException {
    return switch (config.string(key, "silu")) {
      case "silu", "swish" -> Gate.SWIGLU;
      case "gelu" -> Gate.GEGLU_ERF;
      case "gelu_new", "gelu_fast", "gelu_pytorch_tanh" -> Gate.GEGLU_TANH;
      case "relu" -> Gate.REGLU;
      default -> throw config.refuse(key, "one of silu, gelu, gelu_pytorch_tanh, relu");
    };
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
   * @param tied whether the head is the embedding table, if the checkpoint has no own one
   * @throws ModelException if the head is missing or misshapen
   */
  public void logits(Value hidden, DecoderShape shape, boolean tied) throws ModelException {
    boolean own =
        !tied
            || weights.find("head.weight", Use.LINEAR, shape.vocabSize(), shape.hiddenSize())
                != null;
    Value logits = linear(hidden, own ? "head" : "embed", shape.vocabSize(), false, DType.F32);
    graph.output(StepSlots.HIDDEN, hidden);
    graph.output(StepSlots.LOGITS, logits);
  }

  /** Ends the graph; the family has added its nodes. */
  Graph build() {
    for (int g = 0; g < pools.size(); g++) {
      graph.output(StepSlots.kvPool(g), pools.get(g).state);
    }
    return graph.build();
  }
}
