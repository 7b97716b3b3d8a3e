package dev.lamina.backend.cuda.kernels;

import dev.lamina.backend.cuda.gpu.Gpu;
import dev.lamina.backend.sdk.Kernel;
import dev.lamina.backend.sdk.grid.BlockTables;
import dev.lamina.backend.sdk.grid.ExpertProjection;
import dev.lamina.backend.sdk.grid.GeneralProducts;
import dev.lamina.backend.sdk.grid.Projection;
import dev.lamina.spi.OpSpec;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.QuantFormat;
import dev.lamina.spi.ir.TensorType;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;

/** Projections, plain and by experts: which kernels multiply which operands. */
final class LinearKernels {
  /** A router's choice hangs on small differences, and so few columns cost nothing. */
  static final int MAX_EXACT_COLUMNS = 512;

  /**
   * Experts of up to so many weights are exact, too: what they make reaches the next router, and
   * rounding would win some microseconds of a long prompt.
   */
  static final long MAX_EXACT_WEIGHTS_AN_EXPERT = 1 << 16;

  /** From so many rows on tensor cores multiply tiles of them. */
  private static final int MIN_TILE_ROWS = 17;

  /** Up to so many rows an expert, on average, its weights are read for each of them. */
  private static final int FEW_ROWS_AN_EXPERT = 2;

  /** The same where weights must be written as BF16 first. */
  private static final int FEW_ROWS_AN_EXPERT_IN_BLOCKS = 8;

  private final Gpu gpu;
  private final BlockTables blocks;
  private final GeneralProducts general;
  private final Gemv gemv;
  private final BlockGemv blockGemv;
  private final RoundedProducts products;
  private final RoundedOperand rounded;
  private final WeightPlanes planes;
  private final Map<QuantFormat, BlockProducts> byFormat = new EnumMap<>(QuantFormat.class);

  LinearKernels(
      Gpu gpu,
      BlockTables blocks,
      GeneralProducts general,
      Gemv gemv,
      BlockGemv blockGemv,
      RoundedProducts products,
      RoundedOperand rounded) {
    this.gpu = gpu;
    this.gemv = gemv;
    this.blockGemv = blockGemv;
    this.blocks = blocks;
    this.general = general;
    this.products = products;
    this.rounded = rounded;
    this.planes = new WeightPlanes(gpu, blocks);
  }

  /** The second operand. */
  private static TensorType weightOf(OpSpec spec) {
    if (spec.operands().get(1) instanceof TensorType w) {
      return w;
    }
    throw new AssertionError("a weight is a tensor: " + spec);
  }

  private synchronized BlockProducts blockProducts(QuantFormat format) {
    return byFormat.computeIfAbsent(format, f -> BlockProducts.of(gpu, blocks, f));
  }

  Kernel linear(CompositeOp.Linear op, OpSpec spec, boolean relaxed) {
    boolean rounds = rounds(spec, relaxed);
    TensorType w = weightOf(spec);
    boolean isBf16 = rounds && w.isDense() && w.dtype() == DType.BF16;
    FewRows few =
        FastFormats.of(w.layout())
            .<FewRows>map(format -> new BlockRows(blockGemv, blockProducts(format), rounds))
            .orElseGet(() -> new PlainRows(gemv));
    Gemm many = new Gemm(gpu, products, rounded, planes, rounds);
    return args -> {
      Projection p = Projection.of(args, op.biased());
      boolean asFew = few.takes(p) && !(isBf16 && products.pays(p.m(), p.n() * p.k()));
      if (asFew) {
        few.run(p);
      } else if ((isBf16 || p.m() >= MIN_TILE_ROWS) && p.k() % 8 == 0) {
        many.run(p);
      } else {
        general.run(p);
      }
    };
  }

  /** Whether operands are rounded to BF16. */
  private static boolean rounds(OpSpec spec, boolean relaxed) {
    return relaxed && weightOf(spec).shape().dim(0).upperBound() > MAX_EXACT_COLUMNS;
  }

  /** Products of any number of rows by the same kernel, which adds up each row alone. */
  Kernel invariant(CompositeOp.Linear op, OpSpec spec, boolean relaxed) {
    RoundedProducts own = new RoundedProducts(gpu, null);
    Gemm tiles = new Gemm(gpu, own, rounded, planes, rounds(spec, relaxed));
    return args -> {
      Projection p = Projection.of(args, op.biased());
      if (p.k() % 8 == 0) {
        tiles.run(p);
      } else {
        general.runEach(p);
      }
    };
  }

  Kernel experts(CompositeOp.MoeLinear op, OpSpec spec, boolean relaxed) {
    TensorType w = weightOf(spec);
    boolean isPlain = w.dtype() == DType.BF16;
    Optional<BlockProducts> few =
        isPlain
            ? Optional.of(BlockProducts.ofBf16(gpu))
            : FastFormats.of(w.layout()).map(this::blockProducts);
    int fewAnExpert = isPlain ? FEW_ROWS_AN_EXPERT : FEW_ROWS_AN_EXPERT_IN_BLOCKS;
    boolean rounds = relaxed && weightsAnExpert(w) > MAX_EXACT_WEIGHTS_AN_EXPERT;
    GroupedProducts many = new GroupedProducts(gpu, planes, rounds);
    return args -> {
      ExpertProjection p = ExpertProjection.of(args, op.biased());
      if (p.products() > fewAnExpert * p.experts() && many.takes(p)) {
        many.run(p);
      } else if (few.isPresent() && few.get().takes(p.x(), p.w(), p.out())) {
        few.get().run(p);
      } else {
        general.run(p);
      }
    };
  }

  private static long weightsAnExpert(TensorType w) {
    return w.shape().dim(1).upperBound() * w.shape().dim(2).upperBound();
  }

  /** The same of experts: each row of the result by itself. */
  Kernel invariantExperts(CompositeOp.MoeLinear op) {
    return args -> general.run(args, op);
  }
}
