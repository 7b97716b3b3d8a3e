package dev.lamina.conformance.cases;

import dev.lamina.conformance.Check;
import dev.lamina.conformance.Context;
import dev.lamina.conformance.Level;
import dev.lamina.conformance.Outcome;
import dev.lamina.conformance.Rule;
import dev.lamina.conformance.oracle.Comparison;
import dev.lamina.conformance.oracle.GraphOracle;
import dev.lamina.conformance.oracle.RefTensor;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.Bindings;
import dev.lamina.spi.Buffer;
import dev.lamina.spi.Command;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.Executable;
import dev.lamina.spi.View;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Layout;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;

/**
 * Offsets that an int does not hold: elements beyond 2^31 bytes and beyond 2^31 elements. The
 * oracle knows the few elements that are read and nothing of the gigabytes between them.
 */
final class FarCases {
  private static final long LIMIT = 1L << 31;

  /** Room for one small result between its guards. */
  private static final long RESULT_BYTES = 1024;

  private FarCases() {}

  /** What is beyond the limit. */
  private enum Reach {
    BYTES,
    ELEMENTS;

    /** Distance in elements that is beyond it. */
    long elements(DType dtype) {
      return this == BYTES ? LIMIT / dtype.bytes() + 1 : LIMIT + 1;
    }

    String text() {
      return ElementwiseCases.name(this);
    }
  }

  /** Where the elements of a matrix of 5 rows and 7 columns lie. */
  private enum Form {
    ROWS,
    COLUMNS,
    OFFSET;

    TensorType type(DType dtype, long reach) {
      Shape shape = Shape.of(5, 7);
      return switch (this) {
        case ROWS -> new TensorType(dtype, shape, new Layout.Strided(List.of(reach / 4 + 3, 1L)));
        case COLUMNS ->
            new TensorType(dtype, shape, new Layout.Strided(List.of(1L, reach / 6 + 9)));
        case OFFSET -> new TensorType(dtype, shape, Layout.DENSE);
      };
    }

    long offset(DType dtype, long reach) {
      return this == OFFSET ? (reach + 13) * dtype.bytes() : 0;
    }

    String text() {
      return ElementwiseCases.name(this);
    }
  }

  /** Makes results of a far matrix and of small tensors. */
  @FunctionalInterface
  private interface Body {
    List<Value> apply(Inputs in, Value far);
  }

  /** A probe of one op. */
  private record Probe(String op, Body body) {}

  /** A graph under construction, its small inputs with it. */
  private static final class Inputs {
    final Ops ops = new Ops("far");
    final List<RefTensor> content = new ArrayList<>();
    private final Random random;

    Inputs(long seed) {
      random = new Random(seed);
    }

    Value in(Source source, TensorType type, long... sizes) {
      content.add(source.make(type.dtype(), sizes, random));
      return ops.tensor("in" + (content.size() - 1), type);
    }

    Value in(Source source, DType dtype, long... sizes) {
      return in(source, TensorType.of(dtype, sizes), sizes);
    }
  }

  static void addTo(CaseList list) {
    for (Probe probe : probes()) {
      for (Reach reach : Reach.values()) {
        DType dtype = reach == Reach.BYTES ? DType.F32 : DType.BF16;
        for (Form form : Form.values()) {
          list.seeded(
              Level.L3,
              "far",
              dtype.text(),
              "5x7",
              probe.op() + "," + reach.text() + "," + form.text(),
              Rule.STRUCTURE,
              (context, seed) -> strided(context, seed, probe, reach, dtype, form));
        }
        list.seeded(
            Level.L3,
            "far",
            dtype.text(),
            "5x7",
            probe.op() + "," + reach.text() + ",results",
            Rule.STRUCTURE,
            (context, seed) -> results(context, seed, probe, dtype, reach.elements(dtype)));
      }
    }
    for (Reach reach : Reach.values()) {
      DType dtype = reach == Reach.BYTES ? DType.F32 : DType.BF16;
      long width = reach == Reach.BYTES ? 8192 : 32768;
      for (boolean embedding : new boolean[] {false, true}) {
        list.seeded(
            Level.L3,
            "far",
            dtype.text(),
            Dtypes.shape(70000, width),
            (embedding ? "embedding," : "gather,") + reach.text(),
            Rule.STRUCTURE,
            (context, seed) -> rows(context, seed, dtype, width, embedding));
      }
    }
    list.seeded(
        Level.L3,
        "far",
        "-",
        "4294967296",
        "copy,fill,upload,download",
        Rule.STRUCTURE,
        (context, seed) -> commands(context));
    list.seeded(
        Level.L3,
        "far",
        "u8",
        "2x2147483648",
        "concat",
        Rule.STRUCTURE,
        (context, seed) -> concat(context, seed));
    for (boolean linear : new boolean[] {false, true}) {
      list.seeded(
          Level.L3,
          "far",
          "bf16",
          Dtypes.shape(1, 1024, LIMIT / 1024 + 70),
          linear ? "linear" : "matmul",
          Rule.R2,
          (context, seed) -> product(context, seed, linear));
    }
    FarPoolCases.addTo(list);
  }

  private static List<Probe> probes() {
    return List.of(
        new Probe(
            "matmul-a",
            (g, x) ->
                List.of(g.ops.matmul(x, g.in(Regime.NORMAL, x.dtype(), 3, 7), true, DType.F32))),
        new Probe(
            "matmul-b",
            (g, x) ->
                List.of(
                    g.ops.matmul(g.in(Regime.NORMAL, x.dtype(), 3, 7), x, true, DType.F32),
                    g.ops.matmul(g.in(Regime.NORMAL, x.dtype(), 3, 5), x, false, DType.F32))),
        new Probe("add", (g, x) -> List.of(g.ops.add(x, g.in(Regime.NORMAL, x.dtype(), 5, 7)))),
        new Probe(
            "reduce",
            (g, x) ->
                List.of(
                    g.ops.reduce(CoreOp.ReduceKind.SUM, x, 1),
                    g.ops.reduce(CoreOp.ReduceKind.MAX, x, 0))),
        new Probe(
            "scan",
            (g, x) ->
                List.of(
                    g.ops.scan(CoreOp.ScanKind.SUM, x, 0, false),
                    g.ops.scan(CoreOp.ScanKind.SUM, x, 1, true))),
        new Probe("argmax", (g, x) -> List.of(g.ops.argmax(x, 0), g.ops.argmax(x, 1))),
        new Probe("topk", (g, x) -> g.ops.topk(x, 3, 1)),
        new Probe(
            "concat", (g, x) -> List.of(g.ops.concat(0, x, g.in(Regime.NORMAL, x.dtype(), 2, 7)))),
        new Probe("permute", (g, x) -> List.of(g.ops.permute(x, 1, 0))),
        new Probe(
            "slice",
            (g, x) -> List.of(g.ops.slice(x, 0, 3, Dim.of(2)), g.ops.slice(x, 1, 5, Dim.of(2)))),
        new Probe("cast", (g, x) -> List.of(g.ops.cast(x, DType.F16))),
        new Probe(
            "gather",
            (g, x) -> List.of(g.ops.gather(x, g.in(Source.cycle(4, -1, 0, 3), DType.I32, 4), 0))),
        new Probe(
            "scatter",
            (g, x) ->
                List.of(
                    g.ops.scatter(
                        CoreOp.ScatterKind.SET,
                        x,
                        g.in(Source.cycle(4, -1), DType.I32, 2),
                        g.in(Regime.NORMAL, x.dtype(), 2, 7),
                        0))));
  }

  /** A matrix whose last row or column, or all of which, is out of an int's reach. */
  private static Outcome strided(
      Context context, long seed, Probe probe, Reach reach, DType dtype, Form form)
      throws BackendException {
    long distance = reach.elements(dtype);
    TensorType type = form.type(dtype, distance);
    long offset = FarRun.GUARD + form.offset(dtype, distance);
    long bytes = offset + type.byteSize() + FarRun.GUARD;
    Optional<Outcome> declared = FarRun.tooLittle(context, 2 * bytes, bytes);
    if (declared.isPresent()) {
      return declared.get();
    }
    Inputs in = new Inputs(seed);
    Value far = in.in(Regime.NORMAL, type, 5, 7);
    List<Value> results = probe.body().apply(in, far);
    for (int i = 0; i < results.size(); i++) {
      in.ops.output("out" + i, results.get(i));
    }
    Graph graph = in.ops.build();
    List<RefTensor> expected = GraphOracle.evaluate(graph, graph.dims(), new long[0], in.content);
    try (Executable executable = context.device().compile(graph, CompileOptions.DEFAULT);
        FarRun run = new FarRun(context.device())) {
      context.ran(executable.lowering());
      Bindings bindings = executable.newBindings();
      bindings.tensor(0, run.write(run.buffer(bytes), offset, type, in.content.getFirst()));
      for (int i = 1; i < in.content.size(); i++) {
        bindings.tensor(i, run.dense(in.content.get(i)));
      }
      return outputs(run, executable, bindings, in.content.size(), expected);
    }
  }

  /** Small tensors whose results begin out of an int's reach. */
  private static Outcome results(
      Context context, long seed, Probe probe, DType dtype, long distance) throws BackendException {
    long far = Math.ceilDiv(distance * dtype.bytes(), FarRun.GUARD) * FarRun.GUARD;
    Inputs in = new Inputs(seed);
    List<Value> results = probe.body().apply(in, in.in(Regime.NORMAL, dtype, 5, 7));
    for (int i = 0; i < results.size(); i++) {
      in.ops.output("out" + i, results.get(i));
    }
    Graph graph = in.ops.build();
    List<RefTensor> expected = GraphOracle.evaluate(graph, graph.dims(), new long[0], in.content);
    long bytes = far + expected.size() * RESULT_BYTES;
    Optional<Outcome> declared = FarRun.tooLittle(context, bytes, bytes);
    if (declared.isPresent()) {
      return declared.get();
    }
    double worst = 0;
    try (Executable executable = context.device().compile(graph, CompileOptions.DEFAULT);
        FarRun run = new FarRun(context.device())) {
      context.ran(executable.lowering());
      Bindings bindings = executable.newBindings();
      for (int i = 0; i < in.content.size(); i++) {
        bindings.tensor(i, run.dense(in.content.get(i)));
      }
      Buffer buffer = run.buffer(bytes);
      List<HostImage> images = new ArrayList<>();
      for (int i = 0; i < expected.size(); i++) {
        RefTensor e = expected.get(i);
        TensorType type = TensorType.of(e.dtype(), e.sizes());
        HostImage image = new HostImage(type, e.sizes(), 0);
        images.add(image);
        long at = far + i * RESULT_BYTES;
        run.upload(buffer, at, image.bytes);
        bindings.tensor(in.content.size() + i, new View(buffer, at + image.offset, type));
      }
      run.run(executable, bindings);
      for (int i = 0; i < expected.size(); i++) {
        HostImage image = images.get(i);
        byte[] after = run.download(buffer, far + i * RESULT_BYTES, image.bytes.length);
        image.checkGuards("out" + i, after);
        worst =
            Math.max(worst, Comparison.check("out" + i, expected.get(i), image.read(after), false));
      }
    }
    return Outcome.passed(worst);
  }

  /** Binds dense outputs, runs, compares. */
  static Outcome outputs(
      FarRun run, Executable executable, Bindings bindings, int numInputs, List<RefTensor> expected)
      throws BackendException {
    List<HostImage> images = new ArrayList<>();
    List<Buffer> buffers = new ArrayList<>();
    for (int i = 0; i < expected.size(); i++) {
      RefTensor e = expected.get(i);
      TensorType out = TensorType.of(e.dtype(), e.sizes());
      HostImage image = new HostImage(out, e.sizes(), 0);
      images.add(image);
      buffers.add(run.buffer(image.bytes));
      bindings.tensor(numInputs + i, new View(buffers.get(i), image.offset, out));
    }
    run.run(executable, bindings);
    double worst = 0;
    for (int i = 0; i < expected.size(); i++) {
      worst = Math.max(worst, run.check("out" + i, expected.get(i), images.get(i), buffers.get(i)));
    }
    return Outcome.passed(worst);
  }

  /** Rows of a table, the last ones out of an int's reach; only those looked up have content. */
  private static Outcome rows(
      Context context, long seed, DType dtype, long width, boolean embedding)
      throws BackendException {
    long[] wanted = {69999, 0, 65536, -1, 65535, 32768, 69998, 16384, 65537};
    TensorType table = TensorType.of(dtype, 70000, width);
    Optional<Outcome> declared = FarRun.tooLittle(context, 2 * table.byteSize(), table.byteSize());
    if (declared.isPresent()) {
      return declared.get();
    }
    Random random = new Random(seed);
    RefTensor.Builder expected = new RefTensor.Builder(dtype, wanted.length, width);
    RefTensor ids = RefTensor.exact(DType.I32, new long[] {wanted.length}, wanted);
    Ops g = new Ops("rows");
    Value x = g.tensor("table", table);
    Value at = g.tensor("ids", TensorType.of(DType.I32, wanted.length));
    g.output("out", embedding ? g.embedding(at, x, dtype) : g.gather(x, at, 0));
    try (Executable executable = context.device().compile(g.build(), CompileOptions.DEFAULT);
        FarRun run = new FarRun(context.device())) {
      context.ran(executable.lowering());
      Buffer buffer = run.buffer(table.byteSize());
      TensorType row = TensorType.of(dtype, width);
      for (int i = 0; i < wanted.length; i++) {
        RefTensor content = Regime.NORMAL.make(dtype, new long[] {width}, random);
        for (int j = 0; j < width && wanted[i] >= 0; j++) {
          expected.copy(i * (int) width + j, content, j);
        }
        if (wanted[i] >= 0) {
          run.write(buffer, wanted[i] * row.byteSize(), row, content);
        }
      }
      Bindings bindings = executable.newBindings();
      bindings.tensor(0, new View(buffer, 0, table)).tensor(1, run.dense(ids));
      return outputs(run, executable, bindings, 2, List.of(expected.build()));
    }
  }

  /** Commands on bytes around 2^31 and 2^32. */
  private static Outcome commands(Context context) throws BackendException {
    long size = 2 * LIMIT + 4096;
    Optional<Outcome> declared = FarRun.tooLittle(context, size, size);
    if (declared.isPresent()) {
      return declared.get();
    }
    try (FarRun run = new FarRun(context.device())) {
      Buffer buffer = run.buffer(size);
      byte[] low = new byte[64];
      Arrays.fill(low, (byte) 7);
      run.upload(buffer, 0, low);
      long[] places = {LIMIT - 32, 2 * LIMIT - 32, LIMIT + 1024, size - 64};
      for (int i = 0; i < places.length; i++) {
        byte[] bytes = new byte[64];
        for (int j = 0; j < 64; j++) {
          bytes[j] = (byte) (64 * i + j + 1);
        }
        run.upload(buffer, places[i], bytes);
        same("upload and download at " + places[i], bytes, run.download(buffer, places[i], 64));
        same("the first bytes", low, run.download(buffer, 0, 64));
      }
      View from = FarRun.bytes(buffer, places[1], 64);
      run.run(new Command.Copy(from, FarRun.bytes(buffer, places[2], 64)));
      byte[] moved = run.download(buffer, places[1], 64);
      same("copy from 2^32 to 2^31", moved, run.download(buffer, places[2], 64));
      run.run(new Command.Fill(FarRun.bytes(buffer, size - 64, 32), 0x5A, 1));
      byte[] filled = run.download(buffer, size - 64, 64);
      for (int j = 0; j < 64; j++) {
        Check.equal("byte " + j + " after fill", (byte) (j < 32 ? 0x5A : 192 + j + 1), filled[j]);
      }
      same("the first bytes", low, run.download(buffer, 0, 64));
    }
    return Outcome.EXACT;
  }

  private static void same(String what, byte[] expected, byte[] got) {
    int i = Arrays.mismatch(expected, got);
    Check.that(
        i < 0,
        "%s: expected byte %d to be %d, got %d",
        what,
        i,
        i < 0 ? 0 : expected[i],
        i < 0 ? 0 : got[i]);
  }

  /** A part that begins beyond 2^31 bytes of the result. */
  private static Outcome concat(Context context, long seed) throws BackendException {
    TensorType huge = TensorType.of(DType.U8, LIMIT / 4096 + 1, 4096);
    TensorType small = TensorType.of(DType.U8, 3, 4096);
    long bytes = huge.byteSize() + small.byteSize();
    Optional<Outcome> declared = FarRun.tooLittle(context, 2 * bytes, bytes);
    if (declared.isPresent()) {
      return declared.get();
    }
    Random random = new Random(seed);
    RefTensor part = Regime.UNIFORM.make(DType.U8, new long[] {3, 4096}, random);
    RefTensor last = Regime.UNIFORM.make(DType.U8, new long[] {1, 4096}, random);
    Ops g = new Ops("concat");
    g.output("out", g.concat(0, g.tensor("x", huge), g.tensor("y", small)));
    Graph graph = g.build();
    TensorType out = (TensorType) graph.outputs().getFirst().value().type();
    try (Executable executable = context.device().compile(graph, CompileOptions.DEFAULT);
        FarRun run = new FarRun(context.device())) {
      Buffer x = run.buffer(huge.byteSize());
      TensorType row = TensorType.of(DType.U8, 1, 4096);
      run.write(x, 0, row, last);
      run.write(x, LIMIT, row, last);
      Buffer result = run.buffer(bytes);
      Bindings bindings = executable.newBindings();
      bindings.tensor(0, new View(x, 0, huge)).tensor(1, run.dense(part));
      bindings.tensor(2, new View(result, 0, out));
      run.run(executable, bindings);
      for (long at : new long[] {0, LIMIT}) {
        Comparison.check("row at " + at, last, run.read(result, at, DType.U8, 4096), false);
      }
      Comparison.check("part", part, run.read(result, huge.byteSize(), DType.U8, 3 * 4096), false);
    }
    return Outcome.EXACT;
  }

  /**
   * One row times a matrix of more than 2^31 elements. Some of its rows, the first and the last and
   * those around 2^30 and 2^31 among them, have content; the oracle computes their results only.
   */
  private static Outcome product(Context context, long seed, boolean linear)
      throws BackendException {
    int depth = 1024;
    long columns = LIMIT / depth + 70;
    TensorType matrix = TensorType.of(DType.BF16, columns, depth);
    Optional<Outcome> declared =
        FarRun.tooLittle(context, 2 * matrix.byteSize(), matrix.byteSize());
    if (declared.isPresent()) {
      return declared.get();
    }
    Random random = new Random(seed);
    RefTensor a = Regime.NORMAL.make(DType.BF16, new long[] {1, depth}, random);
    Ops g = new Ops("product");
    Value x = g.tensor("x", TensorType.of(DType.BF16, 1, depth));
    Value w = g.tensor("w", matrix);
    g.output("y", linear ? g.linear(x, w, null, DType.F32) : g.matmul(x, w, true, DType.F32));
    Ops small = new Ops("product");
    small.output(
        "y",
        small.matmul(
            small.tensor("x", TensorType.of(DType.BF16, 1, depth)),
            small.tensor("w", TensorType.of(DType.BF16, 1, depth)),
            true,
            DType.F32));
    Graph one = small.build();
    double worst = 0;
    try (Executable executable = context.device().compile(g.build(), CompileOptions.DEFAULT);
        FarRun run = new FarRun(context.device())) {
      context.ran(executable.lowering());
      Buffer b = run.buffer(matrix.byteSize());
      TensorType row = TensorType.of(DType.BF16, 1, depth);
      long[] sampled = sampled(columns, random);
      List<RefTensor> rows = new ArrayList<>();
      for (long n : sampled) {
        rows.add(Regime.NORMAL.make(DType.BF16, new long[] {1, depth}, random));
        run.write(b, n * row.byteSize(), row, rows.getLast());
      }
      Buffer y = run.buffer(columns * 4);
      Bindings bindings = executable.newBindings();
      bindings.tensor(0, run.dense(a)).tensor(1, new View(b, 0, matrix));
      bindings.tensor(2, new View(y, 0, TensorType.of(DType.F32, 1, columns)));
      run.run(executable, bindings);
      for (int i = 0; i < sampled.length; i++) {
        RefTensor expected =
            GraphOracle.evaluate(one, one.dims(), new long[0], List.of(a, rows.get(i))).getFirst();
        long[] got = run.read(y, sampled[i] * 4, DType.F32, 1);
        worst = Math.max(worst, Comparison.check("column " + sampled[i], expected, got, false));
      }
    }
    return Outcome.passed(worst);
  }

  private static long[] sampled(long columns, Random random) {
    long half = (1L << 30) / 1024;
    List<Long> at = new ArrayList<>(List.of(0L, 1L, half - 1, half, 2 * half - 1, 2 * half));
    at.addAll(List.of(2 * half + 1, columns - 2, columns - 1));
    while (at.size() < 64) {
      long n = random.nextLong(columns);
      if (!at.contains(n)) {
        at.add(n);
      }
    }
    return at.stream().mapToLong(Long::longValue).toArray();
  }
}
