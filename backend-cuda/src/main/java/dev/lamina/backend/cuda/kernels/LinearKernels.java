package dev.lamina.backend.cuda.kernels;

import dev.lamina.backend.cuda.gpu.Gpu;
import dev.lamina.backend.cuda.gpu.Params;
import dev.lamina.backend.sdk.Kernel;
import dev.lamina.spi.OpSpec;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.Layout;
import dev.lamina.spi.ir.QuantFormat;
import dev.lamina.spi.ir.TensorType;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;

/** Projections, plain and by experts: which kernels multiply which operands. */
final class LinearKernels {
  /** A router's choice hangs on small differences, and so few columns cost nothing. */
  private static final int MAX_EXACT_COLUMNS = 512;

  /** From so many rows on tensor cores multiply tiles of them. */
  private static final int MIN_TILE_ROWS = 17;

  private static final int MAX_GRID_Y = 65535;

  private final Gpu gpu;
  private final BlockTables blocks;
  private final Gemv gemv;
  private final BlasProducts blas;
  private final RoundedOperand rounded;
  private final Map<QuantFormat, BlockProducts> products = new EnumMap<>(QuantFormat.class);

  LinearKernels(Gpu gpu, BlockTables blocks, Gemv gemv, BlasProducts blas) {
    this.gpu = gpu;
    this.gemv = gemv;
    this.blocks = blocks;
    this.blas = blas;
    this.rounded = new RoundedOperand(gpu);
  }

  /** Kernels for a weight's blocks, if it lies in such. */
  private synchronized Optional<BlockProducts> blockProducts(OpSpec spec) {
    if (spec.operands().get(1) instanceof TensorType w
        && w.layout() instanceof Layout.Blocked(var format)
        && BlockProducts.has(format)) {
      return Optional.of(products.computeIfAbsent(format, f -> new BlockProducts(gpu, blocks, f)));
    }
    return Optional.empty();
  }

  Kernel linear(CompositeOp.Linear op, OpSpec spec, boolean relaxed) {
    boolean rounds = relaxed && !isNarrow(spec);
    FewRows few =
        blockProducts(spec)
            .<FewRows>map(p -> new BlockRows(p, rounds))
            .orElseGet(() -> new PlainRows(gemv));
    Gemm many = new Gemm(gpu, blas, rounded, rounds);
    GeneralProducts general = new GeneralProducts(gpu, blocks);
    return args -> {
      Projection p = Projection.of(args, op.biased());
      if (few.takes(p)) {
        few.run(p);
      } else if (p.m() >= MIN_TILE_ROWS && p.k() % 8 == 0) {
        many.run(p.x(), p.w(), blocks.of(p.w()), p.bias(), p.out(), p.m(), p.n(), p.k());
      } else {
        general.run(p);
      }
    };
  }

  private static boolean isNarrow(OpSpec spec) {
    return spec.operands().get(1) instanceof TensorType w
        && w.shape().dim(0).upperBound() <= MAX_EXACT_COLUMNS;
  }

  Kernel experts(CompositeOp.MoeLinear op, OpSpec spec) {
    Optional<BlockProducts> inBlocks = blockProducts(spec);
    long any = gpu.function("linear", "moe_linear_any");
    return args -> {
      ExpertProjection p = ExpertProjection.of(args, op.biased());
      if (inBlocks.isPresent() && inBlocks.get().takes(p.x(), p.w(), p.out())) {
        inBlocks.get().run(p);
      } else {
        anyExperts(any, p);
      }
    };
  }

  private void anyExperts(long kernel, ExpertProjection e) {
    Params p = gpu.params().address(e.x()).address(e.w()).address(e.ids());
    p.i64(e.biasAddress()).address(e.out()).i64(blocks.of(e.w()));
    p.i64(e.tokens()).i64(e.experts()).i64(e.n()).i64(e.k());
    p.i32(e.choices()).i32(e.hasOwnRows() ? 1 : 0);
    p.i32(e.x().dtype().ordinal()).i32(e.w().dtype().ordinal());
    p.i32(e.biasDtype()).i32(e.out().dtype().ordinal());
    long y = Math.min(e.products(), MAX_GRID_Y);
    long z = Math.ceilDiv(e.products(), MAX_GRID_Y);
    gpu.launch(kernel, Math.ceilDiv(e.n(), 4), y, z, 128, 0);
  }
}
