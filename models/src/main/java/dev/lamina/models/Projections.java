package dev.lamina.models;

import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.WeightSpec.Use;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.StepSlots;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Where a graph gets the matrices of its projections, and the low-rank parts that adapters add to
 * them (LoRA, arXiv:2106.09685): {@code y = W x + B select(mask, A x, 0)}.
 *
 * <p>A and B hold all slots one after another, and the mask lets a token through to the rows of its
 * own adapter. That is two plain linears however many adapters a step mixes, which every backend
 * runs at its best, at the price of the other slots' share; {@code docs/decisions/011-lora.md}
 * weighs it against grouped ones.
 */
final class Projections {
  private final Ops graph;
  private final WeightTable weights;
  private final StepSlots slots;
  private final LoraSlots lora;
  private final Value logitsIndices;
  private final List<LoraModule> adapted = new ArrayList<>();
  private @Nullable Value adapterIds;
  private @Nullable Value maskOfTokens;
  private @Nullable Value maskOfRows;

  Projections(
      Ops graph, WeightTable weights, StepSlots slots, LoraSlots lora, Value logitsIndices) {
    this.graph = graph;
    this.weights = weights;
    this.slots = slots;
    this.lora = lora;
    this.logitsIndices = logitsIndices;
  }

  /** {@code x[.., K]} through the module's {@code [N, K]}, and what adapters add. */
  Value linear(Value x, String module, long width, boolean biased, DType out)
      throws ModelException {
    Value y = plain(x, module, width, biased, out);
    if (lora.slots() == 0) {
      return y;
    }
    String stored = weights.storedModule(module);
    return lora.modules().contains(stored) ? adapted(y, x, module, stored, width) : y;
  }

  private Value plain(Value x, String module, long width, boolean biased, DType out)
      throws ModelException {
    long k = x.shape().dim(-1).upperBound();
    if (weights.isTransposed(module)) {
      Value y = graph.matmul(x, weights.get(module + ".weight", Use.PLAIN, k, width), false, out);
      return biased ? plusEach(y, weights.get(module + ".bias", Use.PLAIN, width)) : y;
    }
    WeightTable.Matrix w = weights.matrix(module + ".weight", width, k);
    Value bias = biased ? weights.get(module + ".bias", Use.PLAIN, width) : null;
    Value order = w.order();
    Value in = order == null ? x : graph.gather(x, order, x.shape().rank() - 1);
    return graph.linear(in, w.value(), bias, out);
  }

  private Value plusEach(Value x, Value bias) {
    DType dtype = x.dtype();
    Value like = bias.dtype() == dtype ? bias : graph.cast(bias, dtype);
    return graph.add(x, graph.broadcast(like, x.shape(), x.shape().rank() - 1));
  }

  private Value adapted(Value y, Value x, String module, String stored, long width)
      throws ModelException {
    long k = x.shape().dim(-1).upperBound();
    LoraModule m = new LoraModule(stored, module + ".loraA", module + ".loraB", k, width);
    if (x.shape().rank() != 2 || adapted.contains(m)) {
      throw new ModelException(
          "plan: module '%s': expected one that projects each token once, which adapters can be"
                  .formatted(stored)
              + " added to, got another; leave it out of target_modules");
    }
    adapted.add(m);
    long rank = lora.totalRank();
    Value a = graph.weight(m.inputA(), TensorType.of(DType.F32, rank, k));
    Value b = graph.weight(m.inputB(), TensorType.of(DType.F32, width, rank));
    Value inner = graph.linear(x, a, null, DType.F32);
    Value mask = x.shape().dim(0).equals(slots.tokens()) ? tokenMask() : rowMask();
    // A select, not a product: nothing of another adapter comes through, an infinity neither.
    Value own = graph.select(mask, inner, graph.fillLike(inner, 0));
    return graph.add(y, graph.linear(own, b, null, y.dtype()));
  }

  /** Which rows of A are a token's own: {@code [T, slots * rank]}. */
  private Value tokenMask() {
    Value made = maskOfTokens;
    if (made == null) {
      made = mask(adapterIds(), slots.tokens());
      maskOfTokens = made;
    }
    return made;
  }

  /** The same for the wanted rows: {@code [R, slots * rank]}. */
  private Value rowMask() {
    Value made = maskOfRows;
    if (made == null) {
      made = mask(graph.gather(adapterIds(), logitsIndices, 0), slots.rows());
      maskOfRows = made;
    }
    return made;
  }

  private Value adapterIds() {
    Value made = adapterIds;
    if (made == null) {
      made = graph.tensor(StepSlots.ADAPTER_IDS, TensorType.of(DType.I32, slots.tokens()));
      adapterIds = made;
    }
    return made;
  }

  private Value mask(Value ids, Dim rows) {
    Shape shape = Shape.of(rows, Dim.of(lora.totalRank()));
    Value row = graph.iota(shape, 1, DType.I32);
    Value first = graph.mul(graph.broadcast(ids, shape, 0), graph.fillLike(row, lora.rank()));
    Value at = graph.sub(row, first);
    Value begun = graph.compare(CoreOp.CompareKind.LE, graph.fillLike(at, 0), at);
    Value notOver = graph.compare(CoreOp.CompareKind.LT, at, graph.fillLike(at, lora.rank()));
    // An id of -1 puts every row past its end: -1 * rank is below 0, so at is rank or more.
    return graph.binary(CoreOp.BinaryKind.AND, begun, notOver);
  }

  /** The projections that adapters may add to. */
  List<LoraModule> adapted() {
    return List.copyOf(adapted);
  }
}
