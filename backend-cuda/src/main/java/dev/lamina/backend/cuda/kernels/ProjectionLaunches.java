package dev.lamina.backend.cuda.kernels;

import dev.lamina.backend.sdk.grid.ProjectionGroups;
import dev.lamina.backend.sdk.grid.ProjectionJob;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.TensorType;

/**
 * Launches projections with what comes before and after them: {@link Gemv} where rows are few,
 * {@link BlockGemv} where weights lie in blocks, {@link RoundedProjections} where rows are many and
 * may be rounded.
 */
record ProjectionLaunches(Gemv gemv, BlockGemv blocks, RoundedProjections many)
    implements ProjectionGroups.Runner {
  @Override
  public boolean takes(TensorType w) {
    return FastFormats.of(w.layout()).isPresent()
        || w.isDense() && (w.dtype() == DType.BF16 || w.dtype() == DType.F16);
  }

  @Override
  public boolean run(ProjectionJob job, boolean relaxed) {
    return relaxed && many.run(job) || gemv.run(job) || blocks.run(job);
  }

  @Override
  public boolean run(ProjectionJob job, ProjectionJob next) {
    return many.run(job, next);
  }
}
