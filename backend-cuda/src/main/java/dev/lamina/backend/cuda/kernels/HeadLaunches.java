package dev.lamina.backend.cuda.kernels;

import dev.lamina.backend.cuda.gpu.Gpu;
import dev.lamina.backend.sdk.GroupKernel;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.backend.sdk.grid.HeadGroups;
import dev.lamina.backend.sdk.grid.HeadGroups.Heads;
import dev.lamina.spi.ir.CompositeOp.PagedAttention;
import dev.lamina.spi.ir.Node;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Launches what is done to heads: a warp a head of a token, or four warps or a block a token where
 * those are enough to fill the GPU. A decode step of one row has the attention that follows in the
 * same launch.
 */
final class HeadLaunches implements HeadGroups.Runner {
  private static final int WARPS = 4;
  private static final int TOKEN_THREADS = 256;

  private final Gpu gpu;
  private final AttentionKernels attention;
  private final long kernel;
  private final long byToken;
  private final HeadRows rows;

  HeadLaunches(Gpu gpu, AttentionKernels attention) {
    this.gpu = gpu;
    this.attention = attention;
    this.kernel = gpu.function("heads", "turn_and_append");
    this.byToken = gpu.function("heads", "turn_and_append_token");
    this.rows = new HeadRows(gpu);
  }

  @Override
  public void run(Heads heads, List<KernelArgs> steps) {
    heads.append(gpu.params(), steps);
    long tokens = heads.tokens(steps);
    long width = heads.width(steps);
    if (tokens < gpu.multiprocessors()) {
      long warps = tokens * heads.heads(steps);
      gpu.launch(kernel, Math.ceilDiv(warps, WARPS), 1, 1, 32 * WARPS, 0);
    } else if (rows.fit(heads.rope(), width, heads.valueWidth(steps))) {
      rows.launch(tokens, width);
    } else {
      gpu.launch(byToken, tokens, 1, 1, TOKEN_THREADS, 0);
    }
  }

  @Override
  public @Nullable GroupKernel attending(Heads heads, Node node, boolean relaxed) {
    return node.op() instanceof PagedAttention op
            && AttentionKernels.isFast(op, node.operands().get(1).type())
        ? new Attending(heads, attention.paged(op, node, relaxed))
        : null;
  }

  /** One layer's heads and the attention over them. */
  private final class Attending implements GroupKernel {
    private final Heads heads;
    private final AttentionKernels.Paged attention;

    Attending(Heads heads, AttentionKernels.Paged attention) {
      this.heads = heads;
      this.attention = attention;
    }

    @Override
    public boolean run(List<KernelArgs> steps) {
      if (!heads.fits(steps)) {
        return false;
      }
      KernelArgs last = steps.get(heads.numSteps());
      if (!attention.runRow(last, p -> heads.append(p, steps))) {
        HeadLaunches.this.run(heads, steps);
        attention.run(last);
      }
      return true;
    }
  }
}
