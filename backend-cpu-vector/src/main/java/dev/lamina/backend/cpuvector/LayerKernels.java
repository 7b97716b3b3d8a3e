package dev.lamina.backend.cpuvector;

import static dev.lamina.backend.cpuvector.Operands.height;
import static dev.lamina.backend.cpuvector.Operands.rows;
import static dev.lamina.backend.cpuvector.Operands.size;
import static dev.lamina.backend.cpuvector.Operands.width;

import dev.lamina.backend.cpuvector.kernels.Gates;
import dev.lamina.backend.cpuvector.kernels.Linear;
import dev.lamina.backend.cpuvector.kernels.Lookup;
import dev.lamina.backend.cpuvector.kernels.Matrix;
import dev.lamina.backend.cpuvector.kernels.Norms;
import dev.lamina.backend.cpuvector.kernels.Rope;
import dev.lamina.backend.cpuvector.kernels.RopeSpec;
import dev.lamina.backend.cpuvector.kernels.WorkerPool;
import dev.lamina.backend.sdk.Kernel;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.spi.ir.CompositeOp;
import org.jspecify.annotations.Nullable;

/** The composites of a layer that touch no state. */
final class LayerKernels {
  private final Linear linear;
  private final Norms norms;
  private final Gates gates;
  private final Rope rope;
  private final Lookup lookup;

  LayerKernels(WorkerPool pool, int streamRows) {
    linear = new Linear(pool, streamRows);
    norms = new Norms(pool);
    gates = new Gates(pool);
    rope = new Rope(pool);
    lookup = new Lookup(pool);
  }

  void rmsNorm(CompositeOp.RmsNorm op, KernelArgs args) {
    Tensor x = args.in(0);
    Linear.Rows weight = op.weighted() ? rows(args.in(1)) : null;
    Norms.Affine affine = new Norms.Affine(weight, op.plusOne(), null);
    norms.rms(rows(x), rows(args.out(0)), height(x), width(x), affine, op.eps());
  }

  void layerNorm(CompositeOp.LayerNorm op, KernelArgs args) {
    Tensor x = args.in(0);
    Linear.Rows bias = op.biased() ? rows(args.in(2)) : null;
    Norms.Affine affine = new Norms.Affine(rows(args.in(1)), false, bias);
    norms.layer(rows(x), rows(args.out(0)), height(x), width(x), affine, op.eps());
  }

  Kernel rope(CompositeOp.Rope op) {
    return args -> {
      Tensor x = args.in(0);
      RopeSpec spec =
          args.scratch(() ->
              new RopeSpec(
                  op.style() == CompositeOp.RopeStyle.INTERLEAVED,
                  size(x, 1),
                  size(x, 2),
                  op.rotaryDims(),
                  (float) op.scale(),
                  op.sections()));
      rope.run(spec, rows(x), rows(args.in(1)), rows(args.in(2)), rows(args.out(0)), size(x, 0));
    };
  }

  void gate(CompositeOp.GatedActivation op, KernelArgs args) {
    Gates.Kind kind =
        switch (op.gate()) {
          case SWIGLU -> Gates.Kind.SILU;
          case GEGLU_TANH -> Gates.Kind.GELU_TANH;
          case GEGLU_ERF -> Gates.Kind.GELU_ERF;
          case REGLU -> Gates.Kind.RELU;
        };
    Tensor out = args.out(0);
    gates.run(kind, rows(args.in(0)), rows(args.in(1)), rows(out), out.elements());
  }

  /** The weight as it was at the last run, with what a scan of it found. */
  private static final class Weight {
    private @Nullable Matrix matrix;
    private @Nullable Tensor of;
    private java.lang.foreign.@Nullable MemorySegment segment;
    private long offset;

    /** Read-only memory is a weight, which never changes; other memory is scanned anew. */
    Matrix of(Tensor w) {
      Matrix known = matrix;
      if (known == null
          || of != w
          || !w.segment().equals(segment)
          || offset != w.offset()
          || !w.segment().isReadOnly()) {
        known = Operands.matrix(w);
        matrix = known;
        of = w;
        segment = w.segment();
        offset = w.offset();
      }
      return known;
    }
  }

  void linear(CompositeOp.Linear op, KernelArgs args) {
    Tensor x = args.in(0);
    Weight weight = args.scratch(Weight::new);
    Linear.Rows bias = op.biased() ? rows(args.in(2)) : null;
    linear.run(rows(x), height(x), weight.of(args.in(1)), bias, rows(args.out(0)));
  }

  void embedding(KernelArgs args) {
    Tensor ids = args.in(0);
    Tensor table = args.in(1);
    lookup.run(rows(ids), size(ids, 0), Operands.matrix(table), rows(args.out(0)));
  }
}
