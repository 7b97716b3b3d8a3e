package dev.lamina.backend.reference.mutant;

import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.spi.ir.CompositeOp.ApplyBitmask;
import dev.lamina.spi.ir.CompositeOp.Embedding;
import dev.lamina.spi.ir.CompositeOp.GatedActivation;
import dev.lamina.spi.ir.CompositeOp.LayerNorm;
import dev.lamina.spi.ir.CompositeOp.Linear;
import dev.lamina.spi.ir.CompositeOp.Logprobs;
import dev.lamina.spi.ir.CompositeOp.Penalties;
import dev.lamina.spi.ir.CompositeOp.RmsNorm;
import dev.lamina.spi.ir.CompositeOp.Rope;
import dev.lamina.spi.ir.CompositeOp.Sample;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Layout;
import dev.lamina.spi.ir.Op;
import dev.lamina.spi.ir.QuantFormat;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.LongUnaryOperator;

/** Kernels that are right up to a limit: so many rows, axes, elements, ids. */
final class LimitMutants {
  private LimitMutants() {}

  static void addTo(MutantList list) {
    list.area(
        "norms, beyond a limit",
        "*_norm/*/three-axes/*",
        "*_norm/*/nans/*",
        "*_norm/*/zeros/*",
        "*_norm/*/empty/*",
        "*_norm/*/wide/*",
        "*_norm/*/f32-weights/*");
    norms(list);
    list.area(
        "rotary embedding, beyond a limit",
        "rope/*empty*",
        "rope/*nans*",
        "rope/*many*",
        "rope/*wide*");
    ropes(list);
    list.area(
        "gated activation, beyond a limit",
        "gated_activation/*three-axes*",
        "gated_activation/*nans*",
        "gated_activation/*empty*",
        "gated_activation/*wide*",
        "gated_activation/*many*");
    gates(list);
    list.area(
        "linear, beyond a limit",
        "linear/*three-axes*",
        "linear/*nans*",
        "linear/*many*",
        "linear/*limit,*");
    linears(list);
    list.area(
        "embedding, beyond a limit",
        "embedding/*/far/*",
        "embedding/*/nans/*",
        "embedding/*/empty/*");
    embeddings(list);
    logits(list);
    core(list);
  }

  /** Zeros from some index along an axis on; a negative axis counts from the last. */
  static Consumer<KernelArgs> lost(int axis, int first) {
    return args -> {
      Cells out = Cells.out(args, 0);
      int rank = out.tensor().rank();
      int at = axis < 0 ? rank + axis : axis;
      int inner = 1;
      for (int i = at + 1; i < rank; i++) {
        inner *= out.size(i);
      }
      for (int i = 0; i < out.count(); i++) {
        if (i / inner % out.size(at) >= first) {
          out.set(i, 0);
        }
      }
    };
  }

  /** With three axes and more the last row is zeros. */
  private static void lostWithThreeAxes(KernelArgs args) {
    Cells out = Cells.out(args, 0);
    if (out.tensor().rank() >= 3) {
      for (int i = out.count() - out.width(); i < out.count(); i++) {
        out.set(i, 0);
      }
    }
  }

  /** Fails where an operand is empty. */
  static <O extends Op> void failsWithout(MutantList list, String name, Class<O> type, int in) {
    list.around(
        name,
        "fails where there is nothing to do",
        type,
        (op, right) ->
            args -> {
              if (args.in(in).elements() == 0) {
                throw new IllegalStateException("launch of an empty grid");
              }
              right.run(args);
            });
  }

  private static <O extends Op> void nanLost(MutantList list, String name, Class<O> type) {
    list.after(name, "NaN becomes 0", type, Spoils.every(Spoils::noNan));
  }

  private static void norms(MutantList list) {
    list.after(
        "rms-three-axes", "rows of three axes", RmsNorm.class, LimitMutants::lostWithThreeAxes);
    list.after(
        "layer-three-axes", "rows of three axes", LayerNorm.class, LimitMutants::lostWithThreeAxes);
    nanLost(list, "rms-nan-lost", RmsNorm.class);
    nanLost(list, "layer-nan-lost", LayerNorm.class);
    list.after("rms-width-8192", "zeros from 8192 on", RmsNorm.class, lost(-1, 8192));
    list.after("layer-width-8192", "zeros from 8192 on", LayerNorm.class, lost(-1, 8192));
    failsWithout(list, "rms-no-rows", RmsNorm.class, 0);
    failsWithout(list, "layer-no-rows", LayerNorm.class, 0);
    list.op(
        "rms-zero-row",
        "a row of zeros becomes NaN",
        RmsNorm.class,
        op ->
            new PlainNorms.Rms(op) {
              @Override
              double inverse(double mean) {
                return mean == 0 ? Double.NaN : super.inverse(mean);
              }
            });
    list.op(
        "rms-weight-rounded",
        "F32 weights are rounded to the dtype of the rows",
        RmsNorm.class,
        op ->
            new PlainNorms.Rms(op) {
              private boolean halves;

              @Override
              public void run(KernelArgs args) {
                boolean weights = op.weighted() && args.in(1).dtype() == DType.F32;
                halves = weights && args.in(0).dtype() != DType.F32;
                super.run(args);
              }

              @Override
              double factor(double w) {
                return super.factor(halves ? Spoils.toBf16(w) : w);
              }
            });
  }

  private static void ropes(MutantList list) {
    nanLost(list, "rope-nan-lost", Rope.class);
    failsWithout(list, "rope-no-tokens", Rope.class, 0);
    list.after("rope-token-64", "zeros from the 65th token on", Rope.class, lost(0, 64));
    list.after("rope-head-16", "zeros from the 17th head on", Rope.class, lost(1, 16));
    list.after("rope-element-128", "zeros from element 128 on", Rope.class, lost(-1, 128));
  }

  private static void gates(MutantList list) {
    nanLost(list, "gate-nan-lost", GatedActivation.class);
    failsWithout(list, "gate-no-rows", GatedActivation.class, 0);
    list.after(
        "gate-three-axes",
        "rows of three axes",
        GatedActivation.class,
        LimitMutants::lostWithThreeAxes);
    list.after("gate-width-1024", "zeros from 1024 on", GatedActivation.class, lost(-1, 1024));
    list.after("gate-row-64", "zeros from the 65th row on", GatedActivation.class, lost(0, 64));
  }

  private static boolean isBlocked(KernelArgs args, QuantFormat format) {
    return args.in(1).layout() instanceof Layout.Blocked(QuantFormat f) && f == format;
  }

  private static void linears(MutantList list) {
    list.after(
        "linear-three-axes", "rows of three axes", Linear.class, LimitMutants::lostWithThreeAxes);
    nanLost(list, "linear-nan-lost", Linear.class);
    list.after("linear-row-64", "zeros from the 65th row on", Linear.class, lost(0, 64));
    for (QuantFormat format : List.of(QuantFormat.Q8_0, QuantFormat.Q4_0)) {
      String prefix = format == QuantFormat.Q8_0 ? "q8-" : "q4-";
      quantised(list, prefix + "row-64", "zeros from the 65th row on", format, lost(0, 64));
      quantised(list, prefix + "column-512", "zeros from column 512 on", format, lost(-1, 512));
      quantised(
          list,
          prefix + "16-bit-rows",
          "zeros for rows that are not F32",
          format,
          args -> {
            if (args.in(0).dtype() != DType.F32) {
              lost(0, 0).accept(args);
            }
          });
      quantised(
          list,
          prefix + "16-bit-result",
          "zeros for results that are not F32",
          format,
          args -> {
            if (args.out(0).dtype() != DType.F32) {
              lost(0, 0).accept(args);
            }
          });
      quantised(
          list,
          prefix + "three-axes",
          "rows of three axes",
          format,
          LimitMutants::lostWithThreeAxes);
      list.op(
          prefix + "blocks-of-4",
          "blocks beyond a multiple of 4 are 0",
          Linear.class,
          op ->
              new PlainLinear.Linear(
                  op,
                  new PlainLinear.Weights() {
                    @Override
                    double scale(QuantFormat f, int block) {
                      int blocks = depth / f.elements();
                      boolean tail = blocks > 4 && block % blocks >= blocks / 4 * 4;
                      return f == format && tail ? 0 : super.scale(f, block);
                    }
                  }));
    }
  }

  private static void quantised(
      MutantList list, String name, String bug, QuantFormat format, Consumer<KernelArgs> spoil) {
    list.after(
        name,
        bug,
        Linear.class,
        args -> {
          if (isBlocked(args, format)) {
            spoil.accept(args);
          }
        });
  }

  private static void embeddings(MutantList list) {
    nanLost(list, "embedding-nan-lost", Embedding.class);
    failsWithout(list, "embedding-no-ids", Embedding.class, 0);
    list.op(
        "embedding-16-bit-id",
        "ids wrap at 65536",
        Embedding.class,
        op ->
            new PlainLinear.Embedding(new PlainLinear.Weights()) {
              @Override
              long row(long id, int t) {
                return id < 0 ? id : id & 0xFFFF;
              }
            });
  }

  private static void logits(MutantList list) {
    list.area("sampling, beyond a limit", "sample/*peaked-greedy*", "sample/*peaked-plain*");
    list.after("sample-16-bit-id", "ids wrap at 65536", Sample.class, ids(0, v -> v & 0xFFFF));
    list.op(
        "sample-vocab-32768",
        "tokens from 32768 on are never drawn",
        Sample.class,
        op ->
            new PlainSample() {
              @Override
              double noisy(double z, Row row, int v) {
                return v >= 32768 ? Double.NEGATIVE_INFINITY : super.noisy(z, row, v);
              }
            });
    list.area("sampling, beyond a limit", "sample/*hidden*");
    list.op(
        "sample-hidden-drawn",
        "a token of -inf can be drawn",
        Sample.class,
        op ->
            new PlainSample() {
              @Override
              double warm(double x, double temperature) {
                return super.warm(Math.max(-3, x), temperature);
              }
            });
    list.area("sampling, beyond a limit", "sample/*no-rows*");
    failsWithout(list, "sample-no-rows", Sample.class, 0);
    list.area("penalties, beyond a limit", "penalties/*40000*", "penalties/*history=0*");
    failsWithout(list, "penalties-no-history", Penalties.class, 1);
    list.after("penalties-id-32768", "zeros from id 32768 on", Penalties.class, lost(-1, 32768));
    list.area("bit mask, beyond a limit", "apply_bitmask/*40000*", "apply_bitmask/*/0x33/*");
    failsWithout(list, "bitmask-no-rows", ApplyBitmask.class, 0);
    list.after("bitmask-id-32768", "zeros from id 32768 on", ApplyBitmask.class, lost(-1, 32768));
    list.area(
        "log-probabilities, beyond a limit",
        "logprobs/*peaked*",
        "logprobs/*hidden*",
        "logprobs/*empty*");
    failsWithout(list, "logprobs-no-rows", Logprobs.class, 0);
    list.after("logprobs-row-4", "zeros from the fifth row on", Logprobs.class, lost(0, 4));
    list.after("logprobs-16-bit-id", "ids wrap at 65536", Logprobs.class, ids(2, v -> v & 0xFFFF));
    list.after(
        "logprobs-finite",
        "-inf becomes the least finite number",
        Logprobs.class,
        Spoils.every(v -> Math.max(-Float.MAX_VALUE, v)));
  }

  private static Consumer<KernelArgs> ids(int result, LongUnaryOperator wrong) {
    return args -> {
      Cells ids = Cells.out(args, result);
      for (int i = 0; i < ids.count(); i++) {
        ids.setInteger(i, wrong.applyAsLong(ids.integer(i)));
      }
    };
  }

  private static void core(MutantList list) {
    list.area("core ops, beyond a limit", "argmax/*peaked*");
    list.after(
        "argmax-16-bit", "indices wrap at 65536", CoreOp.Argmax.class, ids(0, v -> v & 0xFFFF));
    list.after("argmax-row-64", "zeros from the 65th row on", CoreOp.Argmax.class, lost(0, 64));
    list.area("core ops, beyond a limit", "topk/*peaked*");
    list.after("topk-16-bit", "indices wrap at 65536", CoreOp.Topk.class, ids(1, v -> v & 0xFFFF));
    list.after("topk-row-64", "zeros from the 65th row on", CoreOp.Topk.class, lost(0, 64));
    list.area("core ops, beyond a limit", "reduce_*many*");
    list.around(
        "reduce-65536",
        "terms beyond 65536 are lost",
        CoreOp.Reduce.class,
        (op, right) ->
            new PlainFold.Reduce(op, right) {
              @Override
              double fold(double[] terms) {
                return super.fold(java.util.Arrays.copyOf(terms, Math.min(terms.length, 65536)));
              }
            });
    list.after("reduce-row-1024", "zeros from row 1024 on", CoreOp.Reduce.class, lost(0, 1024));
    list.area("core ops, beyond a limit", "scan_*many*");
    list.around(
        "scan-65536",
        "the carry into element 65536 is lost",
        CoreOp.Scan.class,
        (op, right) ->
            new PlainFold.Scan(op, right) {
              @Override
              double carry(double acc, int k, int length) {
                return k == 65536 ? start() : acc;
              }
            });
    list.area("core ops, beyond a limit", "matmul/*batch,many*");
    list.op(
        "matmul-batch-8",
        "batches from the ninth on read b of the eighth",
        CoreOp.Matmul.class,
        op ->
            new PlainMatmul(op) {
              @Override
              double right(int batch, int k, int n) {
                return super.right(Math.min(batch, 7), k, n);
              }
            });
    list.area("core ops, beyond a limit", "gather/*far*", "gather/*negative-low-words*");
    index(list, "gather-16-bit", "indices wrap at 32768", CoreOp.Gather.class, v -> v & 0x7FFF);
    index(
        list,
        "gather-low-word",
        "a 64-bit index is its low word",
        CoreOp.Gather.class,
        v -> (int) v);
    list.area("core ops, beyond a limit", "scatter_set/*far*", "scatter_set/*negative-low-words*");
    index(list, "scatter-16-bit", "indices wrap at 32768", CoreOp.Scatter.class, v -> v & 0x7FFF);
    index(
        list,
        "scatter-low-word",
        "a 64-bit index is its low word",
        CoreOp.Scatter.class,
        v -> (int) v);
    list.area("core ops, beyond a limit", "concat/*seven*");
    list.around(
        "concat-fifth",
        "the fifth operand is zeros",
        CoreOp.Concat.class,
        (op, right) ->
            args -> {
              right.run(args);
              if (args.numOperands() > 4 && op.dim() == 0) {
                long first = 0;
                for (int i = 0; i < 4; i++) {
                  first += args.in(i).elements();
                }
                Cells out = Cells.out(args, 0);
                for (long i = first; i < first + args.in(4).elements(); i++) {
                  out.set(i, 0);
                }
              }
            });
  }

  /** Indices of 0 and more, or of 64 bits, are changed for the run, then put back. */
  private static <O extends Op> void index(
      MutantList list, String name, String bug, Class<O> type, LongUnaryOperator wrong) {
    list.around(
        name,
        bug,
        type,
        (op, right) ->
            args -> {
              Cells index = Cells.in(args, 1);
              long[] kept = new long[index.count()];
              for (int i = 0; i < kept.length; i++) {
                kept[i] = index.integer(i);
                boolean wide = index.tensor().dtype() == DType.I64;
                if (kept[i] >= 0 || wide && (int) kept[i] >= 0) {
                  long changed = wrong.applyAsLong(kept[i]);
                  index.setInteger(i, changed);
                }
              }
              try {
                right.run(args);
              } finally {
                for (int i = 0; i < kept.length; i++) {
                  index.setInteger(i, kept[i]);
                }
              }
            });
  }
}
