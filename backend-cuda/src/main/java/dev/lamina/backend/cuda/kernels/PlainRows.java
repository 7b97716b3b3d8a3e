package dev.lamina.backend.cuda.kernels;

import dev.lamina.backend.sdk.grid.Projection;
import dev.lamina.backend.sdk.grid.ProjectionJob;

/** Few rows of F32 times weights in BF16 or F16, which kernels may have written just before. */
final class PlainRows implements FewRows {
  private final Gemv gemv;

  PlainRows(Gemv gemv) {
    this.gemv = gemv;
  }

  private static ProjectionJob job(Projection p) {
    return new ProjectionJob(p.x(), true).part(p.w(), p.bias(), p.out());
  }

  @Override
  public boolean takes(Projection p) {
    return Gemv.fits(job(p));
  }

  @Override
  public void run(Projection p) {
    gemv.run(job(p));
  }
}
