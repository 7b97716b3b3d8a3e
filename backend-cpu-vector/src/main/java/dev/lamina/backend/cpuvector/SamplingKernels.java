package dev.lamina.backend.cpuvector;

import static dev.lamina.backend.cpuvector.Operands.place;
import static dev.lamina.backend.cpuvector.Operands.size;

import dev.lamina.backend.cpuvector.kernels.LogitsRows;
import dev.lamina.backend.cpuvector.kernels.WorkerPool;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.backend.sdk.Tensor;

/** The composites on logits. */
final class SamplingKernels {
  private final LogitsRows rows;

  SamplingKernels(WorkerPool pool) {
    rows = new LogitsRows(pool);
  }

  private static LogitsRows.Place[] places(KernelArgs args) {
    LogitsRows.Place[] all = new LogitsRows.Place[args.numOperands()];
    for (int i = 0; i < all.length; i++) {
      all[i] = place(args.in(i));
    }
    return all;
  }

  void sample(KernelArgs args) {
    Tensor logits = args.in(0);
    rows.sample(places(args), place(args.out(0)), size(logits, 0), size(logits, 1));
  }

  void penalties(KernelArgs args) {
    Tensor logits = args.in(0);
    rows.penalties(
        places(args), place(args.out(0)), size(logits, 0), size(logits, 1), size(args.in(1), 1));
  }

  void bitmask(KernelArgs args) {
    Tensor logits = args.in(0);
    rows.bitmask(
        place(logits), place(args.in(1)), place(args.out(0)), size(logits, 0), size(logits, 1));
  }

  void logprobs(int k, KernelArgs args) {
    Tensor logits = args.in(0);
    LogitsRows.Place[] out = {place(args.out(0)), place(args.out(1)), place(args.out(2))};
    rows.logprobs(places(args), out, size(logits, 0), size(logits, 1), k);
  }
}
