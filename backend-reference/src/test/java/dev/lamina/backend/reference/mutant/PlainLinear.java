package dev.lamina.backend.reference.mutant;

import dev.lamina.backend.sdk.Elements;
import dev.lamina.backend.sdk.Kernel;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.conformance.oracle.BlockOracle;
import dev.lamina.spi.ir.BlockSpec;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Layout;
import dev.lamina.spi.ir.QuantFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Projection and lookup, weights plain or in blocks; bugs override a method. */
final class PlainLinear {
  private PlainLinear() {}

  /** A matrix {@code [N, K]} of weights. */
  static class Weights {
    private MemorySegment memory = MemorySegment.NULL;
    private long offset;
    private DType dtype = DType.F32;
    private Layout layout = Layout.DENSE;
    int rows;
    int depth;

    final void bind(Tensor w) {
      memory = w.segment();
      offset = w.offset();
      dtype = w.dtype();
      layout = w.layout();
      rows = (int) w.size(0);
      depth = (int) w.size(1);
    }

    /** A stack of matrices as one. */
    final void bindRows(Tensor w, int allRows, int k) {
      bind(w);
      rows = allRows;
      depth = k;
    }

    final double get(int row, int k) {
      if (!(layout instanceof Layout.Blocked(QuantFormat format))) {
        return Elements.getFloat(dtype, memory, offset + ((long) row * depth + k) * dtype.bytes());
      }
      int blocks = depth / format.elements();
      int block = row * blocks + k / format.elements();
      int e = k % format.elements();
      double scale = scale(format, scaleBlock(block, blocks));
      return switch (format) {
        case Q8_0 -> scale * q8(block, e);
        case Q4_0 -> scale * q4(block, e);
        default -> element(format, block, e);
      };
    }

    /** The block that the scale comes from. */
    int scaleBlock(int block, int blocksPerRow) {
      return block;
    }

    private double element(QuantFormat format, int block, int e) {
      long at = offset + (long) block * format.bytes();
      return BlockOracle.element(
          spec(format), i -> memory.get(ValueLayout.JAVA_BYTE, at + i) & 255, e);
    }

    /** What the bytes of a block mean. */
    BlockSpec spec(QuantFormat format) {
      return format.spec();
    }

    double scale(QuantFormat format, int block) {
      return Elements.getFloat(DType.F16, memory, offset + (long) block * format.bytes());
    }

    final int code(QuantFormat format, int block, int i) {
      return memory.get(ValueLayout.JAVA_BYTE, offset + (long) block * format.bytes() + 2 + i);
    }

    double q8(int block, int e) {
      return code(QuantFormat.Q8_0, block, e);
    }

    double q4(int block, int e) {
      int packed = code(QuantFormat.Q4_0, block, e % 16);
      return (e < 16 ? packed & 15 : packed >> 4 & 15) - 8;
    }
  }

  /** Projection. */
  static class Linear implements Kernel {
    final CompositeOp.Linear op;
    final Weights weights;
    int numRows;

    Linear(CompositeOp.Linear op, Weights weights) {
      this.op = op;
      this.weights = weights;
    }

    @Override
    public void run(KernelArgs args) {
      Cells x = Cells.in(args, 0);
      Cells out = Cells.out(args, 0);
      weights.bind(args.in(1));
      int n = weights.rows;
      numRows = n == 0 ? 0 : out.count() / n;
      for (int i = 0; i < out.count(); i++) {
        double sum = 0;
        for (int k = 0; k < weights.depth; k++) {
          sum = add(sum, x.get((long) (i / n) * weights.depth + k) * weights.get(i % n, k));
        }
        out.set(i, withBias(sum, op.biased() ? Cells.in(args, 2).get(i % n) : 0));
      }
    }

    double add(double sum, double product) {
      return sum + product;
    }

    double withBias(double sum, double bias) {
      return sum + bias;
    }
  }

  /** Lookup. */
  static class Embedding implements Kernel {
    final Weights weights;

    Embedding(Weights weights) {
      this.weights = weights;
    }

    @Override
    public void run(KernelArgs args) {
      Cells ids = Cells.in(args, 0);
      Cells out = Cells.out(args, 0);
      weights.bind(args.in(1));
      for (int t = 0; t < ids.count(); t++) {
        long row = row(ids.integer(t), t);
        for (int k = 0; k < weights.depth; k++) {
          out.set((long) t * weights.depth + k, row < 0 ? 0 : weights.get((int) row, k));
        }
      }
    }

    long row(long id, int t) {
      return id;
    }
  }
}
