package dev.lamina.backend.cpuvector;

import static dev.lamina.backend.cpuvector.Operands.rows;
import static dev.lamina.backend.cpuvector.Operands.size;

import dev.lamina.backend.cpuvector.kernels.Convolution;
import dev.lamina.backend.cpuvector.kernels.Matrix;
import dev.lamina.backend.cpuvector.kernels.Recurrence;
import dev.lamina.backend.cpuvector.kernels.SequenceSlots;
import dev.lamina.backend.cpuvector.kernels.WorkerPool;
import dev.lamina.backend.sdk.Elements;
import dev.lamina.backend.sdk.HostState;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.backend.sdk.ProgramError;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.StateSpec;

/** The composites that keep a state a sequence in a pool of the dense layout. */
final class RecurrentKernels {
  private final Convolution convolution;
  private final Recurrence recurrence;

  RecurrentKernels(WorkerPool pool) {
    convolution = new Convolution(pool);
    recurrence = new Recurrence(pool);
  }

  private static Matrix entry(HostState state, String name, int layer) {
    StateSpec.Entry e = state.spec().entry(name, layer);
    int index = state.spec().entries().indexOf(e);
    int cols = Math.toIntExact(e.bytesPerSlot() / e.dtype().bytes());
    int slots = Math.toIntExact(state.numSlots());
    return Matrix.dense(e.dtype(), state.entry(index), 0, slots, cols);
  }

  private static SequenceSlots slots(KernelArgs args, int first, Tensor x) {
    Tensor reads = args.in(first);
    Tensor writes = args.in(first + 1);
    int seqs = size(reads, 0);
    if (args.debug()) {
      check(reads, writes, seqs, args.state(0).numSlots());
    }
    return new SequenceSlots(rows(reads), rows(writes), rows(args.in(first + 2)), seqs, size(x, 0));
  }

  private static void check(Tensor reads, Tensor writes, int seqs, long limit) {
    for (int s = 0; s < seqs; s++) {
      int write = index(writes, s);
      if (Math.max(write, index(reads, s)) >= limit) {
        throw new ProgramError(
            "recurrent state: expected slots below %d, got %d and %d"
                .formatted(limit, index(reads, s), write));
      }
      for (int other = 0; other < seqs && write >= 0; other++) {
        if (other != s && (index(reads, other) == write || index(writes, other) == write)) {
          throw new ProgramError(
              "recurrent state: expected slot %d to be of sequence %d alone, which writes it, got"
                      .formatted(write, s)
                  + " it of sequence "
                  + other);
        }
      }
    }
  }

  private static int index(Tensor t, long i) {
    return (int) Elements.getLong(t.dtype(), t.segment(), t.offset() + i * t.dtype().bytes());
  }

  void convolve(CompositeOp.CausalConv1d op, KernelArgs args) {
    Matrix tails = entry(args.state(0), op.entry(), op.layer());
    Tensor x = args.in(1);
    convolution.run(
        new Convolution.Args(
            rows(x),
            rows(args.in(2)),
            size(args.in(2), 1),
            op.biased() ? rows(args.in(6)) : null,
            op.silu(),
            tails,
            slots(args, 3, x),
            rows(args.out(0))));
  }

  void gatedDelta(CompositeOp.GatedDelta op, KernelArgs args) {
    Matrix states = entry(args.state(0), op.entry(), op.layer());
    Tensor q = args.in(1);
    Tensor v = args.in(3);
    Tensor g = args.in(4);
    recurrence.run(
        new Recurrence.Args(
            spec(q, v, g.rank() == 3, (float) op.scale()),
            rows(q),
            rows(args.in(2)),
            rows(v),
            rows(g),
            null,
            rows(args.in(5)),
            states,
            slots(args, 6, q),
            rows(args.out(0))));
  }

  void ssdScan(CompositeOp.SsdScan op, KernelArgs args) {
    Matrix states = entry(args.state(0), op.entry(), op.layer());
    Tensor x = args.in(1);
    Tensor b = args.in(4);
    recurrence.run(
        new Recurrence.Args(
            spec(b, x, false, 1),
            rows(args.in(5)),
            rows(b),
            rows(x),
            rows(args.in(2)),
            rows(args.in(3)),
            null,
            states,
            slots(args, 6, x),
            rows(args.out(0))));
  }

  private static Recurrence.Spec spec(Tensor keys, Tensor values, boolean byChannel, float scale) {
    return new Recurrence.Spec(
        size(keys, 1), size(values, 1), size(keys, 2), size(values, 2), byChannel, scale);
  }
}
