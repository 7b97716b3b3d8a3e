package dev.lamina.backend.cuda.kernels;

import dev.lamina.backend.sdk.grid.Projection;

/** Projections of few rows, which cost what reading their weights costs. */
interface FewRows {
  /** Whether {@link #run} multiplies these. */
  boolean takes(Projection p);

  /** Launches the product. */
  void run(Projection p);
}
