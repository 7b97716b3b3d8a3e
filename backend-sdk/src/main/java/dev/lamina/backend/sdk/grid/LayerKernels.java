package dev.lamina.backend.sdk.grid;

import dev.lamina.backend.sdk.Kernel;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.spi.ir.CompositeOp;
import org.jspecify.annotations.Nullable;

/** The composites of a layer that touch no state: norms, rope, gates and lookup. */
public final class LayerKernels {
  private static final int BLOCK = 256;

  /** Rows up to this width are a warp's. */
  private static final int WARP_WIDTH = 512;

  private static final int MAX_SECTIONS = 8;

  private final GridDevice grid;
  private final BlockTables blocks;

  public LayerKernels(GridDevice grid, BlockTables blocks) {
    this.grid = grid;
    this.blocks = blocks;
  }

  private static long width(Tensor t) {
    return t.size(t.rank() - 1);
  }

  private static long rows(Tensor t) {
    long n = 1;
    for (int i = 0; i < t.rank() - 1; i++) {
      n *= t.size(i);
    }
    return n;
  }

  private Params norm(
      Tensor x, @Nullable Tensor w, @Nullable Tensor b, Tensor out, double eps, boolean plusOne) {
    Params p = grid.params().address(x).addressIf(w);
    p.addressIf(b).address(out).i64(rows(x)).i32(width(x)).f32(eps);
    p.i32(plusOne ? 1 : 0).i32(x.dtype().ordinal());
    p.i32(w == null ? 0 : w.dtype().ordinal()).i32(b == null ? 0 : b.dtype().ordinal());
    return p.i32(out.dtype().ordinal());
  }

  Kernel rmsNorm(CompositeOp.RmsNorm op) {
    long block = grid.function("layers", "rms_norm_block");
    long warp = grid.function("layers", "rms_norm_warp");
    return args -> {
      Tensor x = args.in(0);
      norm(x, op.weighted() ? args.in(1) : null, null, args.out(0), op.eps(), op.plusOne());
      if (width(x) <= WARP_WIDTH) {
        grid.launch(warp, (rows(x) + 3) / 4, 1, 1, 128, 0);
      } else {
        grid.launch(block, rows(x), 1, 1, BLOCK, 0);
      }
    };
  }

  Kernel layerNorm(CompositeOp.LayerNorm op) {
    long kernel = grid.function("layers", "layer_norm");
    return args -> {
      Tensor x = args.in(0);
      norm(x, args.in(1), op.biased() ? args.in(2) : null, args.out(0), op.eps(), false);
      grid.launch(kernel, rows(x), 1, 1, BLOCK, 0);
    };
  }

  /** Appends how a rope turns: {@code struct Turning} of {@code rope.cuh}. */
  public static void turning(Params p, CompositeOp.Rope op) {
    p.i32(op.rotaryDims()).i32(op.style() == CompositeOp.RopeStyle.INTERLEAVED ? 1 : 0);
    p.f32(op.scale());
    int sections = op.sections().size();
    p.i32(sections);
    int end = 0;
    for (int i = 0; i < MAX_SECTIONS; i++) {
      end += i < sections ? op.sections().get(i) : 0;
      p.i32(end);
    }
  }

  Kernel rope(CompositeOp.Rope op) {
    long kernel = grid.function("layers", "rope");
    return args -> {
      Tensor x = args.in(0);
      Tensor out = args.out(0);
      Params p = grid.params().address(x).address(args.in(1)).address(args.in(2)).address(out);
      p.i64(x.size(0)).i32(x.size(1)).i32(x.size(2));
      turning(p, op);
      p.i32(x.dtype().ordinal()).i32(out.dtype().ordinal());
      long items = x.size(2) - op.rotaryDims() / 2;
      grid.launchOver(kernel, x.size(0) * x.size(1) * items, BLOCK);
    };
  }

  Kernel gate(CompositeOp.GatedActivation op) {
    long kernel = grid.function("layers", "gate");
    return args -> {
      Tensor gate = args.in(0);
      Tensor up = args.in(1);
      Tensor out = args.out(0);
      Params p = grid.params().address(gate).address(up).address(out).i64(out.elements());
      p.i32(op.gate().ordinal()).i32(gate.dtype().ordinal()).i32(up.dtype().ordinal());
      p.i32(out.dtype().ordinal());
      grid.launchOver(kernel, out.elements(), BLOCK);
    };
  }

  Kernel embedding() {
    long kernel = grid.function("layers", "embedding");
    return args -> {
      Tensor table = args.in(1);
      Tensor out = args.out(0);
      Params p = grid.params().address(args.in(0)).address(table).address(out);
      p.address(blocks.of(table)).i64(args.in(0).size(0)).i64(table.size(0)).i32(width(out));
      p.i32(table.dtype().ordinal()).i32(out.dtype().ordinal());
      grid.launchOver(kernel, out.elements(), BLOCK);
    };
  }
}
