package dev.lamina.backend.sdk.grid;

import dev.lamina.backend.sdk.Expr;
import dev.lamina.backend.sdk.Kernel;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.spi.ir.CoreOp.BinaryKind;
import dev.lamina.spi.ir.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Fused elementwise expressions. Programs lie in the device's memory, each once, until the device
 * is closed. Thread-safe.
 */
final class ElementwiseKernels {
  private static final int MAX_INPUTS = 12;
  private static final int THREADS = 128;
  private static final int LANES = 4;
  private static final long CHUNK_BYTES = 64 << 10;

  private final GridDevice grid;
  private final Map<List<Integer>, Long> programs = new HashMap<>();
  private long chunk;
  private long used = CHUNK_BYTES;

  ElementwiseKernels(GridDevice grid) {
    this.grid = grid;
  }

  Kernel of(Expr expr) {
    long machine = grid.function("elementwise", "elementwise");
    long add = grid.function("elementwise", "add_f32");
    int[] words = ElementwiseProgram.of(expr);
    long code = code(words);
    int length = words.length / 4;
    boolean sum =
        expr instanceof Expr.Binary(BinaryKind kind, Expr.Input a, Expr.Input b)
            && kind == BinaryKind.ADD
            && a.dtype() == DType.F32
            && a.index() != b.index();
    return args -> {
      if (sum && isDense(args) && isAligned(args)) {
        runSum(add, args);
      } else {
        run(machine, args, code, length);
      }
    };
  }

  /** Where a program lies on the device. */
  private synchronized long code(int[] words) {
    List<Integer> key = Arrays.stream(words).boxed().toList();
    Long known = programs.get(key);
    if (known != null) {
      return known;
    }
    long bytes = 4L * words.length;
    try (Arena arena = Arena.ofConfined()) {
      if (used + bytes > CHUNK_BYTES) {
        chunk = grid.own(CHUNK_BYTES);
        used = 0;
      }
      MemorySegment host = arena.allocateFrom(ValueLayout.JAVA_INT, words);
      grid.use();
      grid.upload(host, chunk + used);
    }
    long at = chunk + used;
    used += bytes;
    programs.put(key, at);
    return at;
  }

  private static boolean isDense(KernelArgs args) {
    for (int i = 0; i < args.numOperands(); i++) {
      if (!args.in(i).isContiguous()) {
        return false;
      }
    }
    return true;
  }

  private static boolean isAligned(KernelArgs args) {
    long all = Params.addressOf(args.out(0));
    for (int i = 0; i < args.numOperands(); i++) {
      all |= Params.addressOf(args.in(i));
    }
    return (all & 15) == 0;
  }

  private void runSum(long add, KernelArgs args) {
    Tensor out = args.out(0);
    grid.params().address(args.in(0)).address(args.in(1)).address(out).i64(out.elements());
    grid.launchOver(add, (out.elements() + 3) / 4, 256);
  }

  private void run(long machine, KernelArgs args, long code, int length) {
    Tensor out = args.out(0);
    long n = out.elements();
    Params p = grid.params().address(code).address(out).i64(n);
    for (int i = 0; i < Params.MAX_RANK; i++) {
      p.i64(i < out.rank() ? out.size(i) : 1);
    }
    for (int k = 0; k < MAX_INPUTS; k++) {
      boolean there = k < args.numOperands();
      p.address(there ? Params.addressOf(args.in(k)) : 0);
      for (int i = 0; i < Params.MAX_RANK; i++) {
        p.i64(there && i < out.rank() ? args.in(k).stride(i) : 0);
      }
      p.i32(there ? args.in(k).dtype().ordinal() : 0).i32(0);
    }
    p.i32(length).i32(out.rank()).i32(isDense(args) ? 1 : 0).i32(out.dtype().ordinal());
    long perBlock = THREADS * LANES;
    grid.launch(machine, (n + perBlock - 1) / perBlock, 1, 1, THREADS, 0);
  }
}
