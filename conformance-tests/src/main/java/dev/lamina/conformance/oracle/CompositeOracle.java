package dev.lamina.conformance.oracle;

import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.DType;
import java.util.List;

/** A composite without a pool by its formula, whatever it is. */
public final class CompositeOracle {
  private static final RefTensor NONE = RefTensor.exact(DType.F32, new long[] {0}, new long[0]);

  private CompositeOracle() {}

  /**
   * Evaluates it.
   *
   * @param op any composite on tensors that a model's layers are made of
   * @param in its operands, quantised ones decoded
   * @return its one result
   */
  public static RefTensor apply(CompositeOp op, List<RefTensor> in) {
    return switch (op) {
      case CompositeOp.RmsNorm o -> LayerOracle.rmsNorm(o, in.getFirst(), orNone(in, 1));
      case CompositeOp.LayerNorm o -> LayerOracle.layerNorm(o, in.get(0), in.get(1), orNone(in, 2));
      case CompositeOp.Rope o -> LayerOracle.rope(o, in.get(0), in.get(1), in.get(2));
      case CompositeOp.GatedActivation o -> LayerOracle.gated(o.gate(), in.get(0), in.get(1));
      case CompositeOp.Linear o -> LayerOracle.linear(o.out(), in.get(0), in.get(1), orNone(in, 2));
      case CompositeOp.MoeLinear o ->
          ExpertOracle.linear(o.out(), in.get(0), in.get(1), in.get(2), orNone(in, 3));
      case CompositeOp.MoeRoute o -> throw none(o);
      case CompositeOp.Embedding o -> LayerOracle.embedding(o.out(), in.get(0), in.get(1));
      case CompositeOp.KvAppend o -> throw none(o);
      case CompositeOp.PagedAttention o -> throw none(o);
      case CompositeOp.MlaAttention o -> throw none(o);
      case CompositeOp.IndexTopk o -> throw none(o);
      case CompositeOp.StateCopy o -> throw none(o);
      case CompositeOp.StateExport o -> throw none(o);
      case CompositeOp.StateImport o -> throw none(o);
      case CompositeOp.CausalConv1d o -> throw none(o);
      case CompositeOp.GatedDelta o -> throw none(o);
      case CompositeOp.SsdScan o -> throw none(o);
      case CompositeOp.Penalties o -> throw none(o);
      case CompositeOp.ApplyBitmask o -> throw none(o);
      case CompositeOp.Sample o -> throw none(o);
      case CompositeOp.Logprobs o -> throw none(o);
    };
  }

  private static AssertionError none(CompositeOp op) {
    return new AssertionError("no oracle for " + op.mnemonic() + " among layers");
  }

  private static RefTensor orNone(List<RefTensor> in, int i) {
    return i < in.size() ? in.get(i) : NONE;
  }
}
