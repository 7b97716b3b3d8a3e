package dev.lamina.conformance.cases;

import dev.lamina.conformance.oracle.RefTensor;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.Device;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.QuantFormat;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * A graph whose rows know nothing of each other, with content for {@link #ROWS} rows, of which any
 * choice can be run as a batch.
 */
final class RowOp {
  /** Rows that there is content for. */
  static final int ROWS = 256;

  private static final Dim T = Dim.sym("T", 1, 4096);

  /** Content of an input, and the axis that counts rows. */
  private record Given(RefTensor content, int axis) {}

  /** The graph; use its op methods. */
  final Ops ops;

  private final Random random;
  private final Map<String, Given> rows = new LinkedHashMap<>();
  private final Map<String, RefTensor> weights = new LinkedHashMap<>();
  private int outputs;

  RowOp(String name, long seed) {
    ops = new Ops(name);
    random = new Random(seed);
  }

  /** An input of rows. */
  Value rows(Source source, DType dtype, long... tail) {
    long[] sizes = new long[tail.length + 1];
    Dim[] dims = new Dim[sizes.length];
    sizes[0] = ROWS;
    dims[0] = T;
    for (int i = 0; i < tail.length; i++) {
      sizes[i + 1] = tail[i];
      dims[i + 1] = Dim.of(tail[i]);
    }
    String name = "in" + rows.size();
    rows.put(name, new Given(source.make(dtype, sizes, random), 0));
    return ops.tensor(name, TensorType.of(dtype, dims));
  }

  /** Positions, {@code [1, T]}. */
  Value positions(Source source) {
    String name = "in" + rows.size();
    rows.put(name, new Given(source.make(DType.I32, new long[] {1, ROWS}, random), 1));
    return ops.tensor(name, TensorType.of(DType.I32, Dim.of(1), T));
  }

  /** A weight that all rows share. */
  Value weight(Source source, DType dtype, long... sizes) {
    String name = "w" + weights.size();
    weights.put(name, source.make(dtype, sizes, random));
    return ops.weight(name, TensorType.of(dtype, sizes));
  }

  /** A quantised matrix of n rows of k elements. */
  Value blocked(QuantFormat format, long n, long k) {
    String name = "w" + weights.size();
    long bytes = k / format.elements() * format.bytes();
    weights.put(name, Source.blocks(format).make(DType.U8, new long[] {n, bytes}, random));
    return ops.weight(name, TensorType.blocked(format, Shape.of(n, k)));
  }

  /** The shape of T rows. */
  Shape shape(long... tail) {
    List<Dim> dims = new ArrayList<>(List.of(T));
    for (long d : tail) {
      dims.add(Dim.of(d));
    }
    return new Shape(dims);
  }

  /** Names outputs, whose first axis counts rows. */
  void out(Value... values) {
    for (Value v : values) {
      ops.output("out" + outputs++, v);
    }
  }

  /** Ready to run. */
  Evaluation compile(Device device, CompileOptions options) throws BackendException {
    return compile(device, ops.build(), options);
  }

  /** Ready to run, as the graph that {@link #ops} built. */
  Evaluation compile(Device device, Graph graph, CompileOptions options) throws BackendException {
    return Evaluation.of(device, graph, weights, options);
  }

  /** Runs these rows as one batch. */
  List<RefTensor> run(Evaluation e, int... chosen) throws BackendException {
    Map<String, RefTensor> tensors = new LinkedHashMap<>();
    rows.forEach((name, given) -> tensors.put(name, pick(given.content, given.axis, chosen)));
    return e.run(tensors);
  }

  /** Rows of a tensor along an axis. */
  static RefTensor pick(RefTensor from, int axis, int... chosen) {
    long[] sizes = from.sizes();
    int inner = 1;
    for (int i = axis + 1; i < sizes.length; i++) {
      inner *= (int) sizes[i];
    }
    int outer = 1;
    for (int i = 0; i < axis; i++) {
      outer *= (int) sizes[i];
    }
    int[] source = new int[outer * chosen.length * inner];
    int at = 0;
    for (int o = 0; o < outer; o++) {
      for (int row : chosen) {
        for (int i = 0; i < inner; i++) {
          source[at++] = (o * (int) sizes[axis] + row) * inner + i;
        }
      }
    }
    sizes[axis] = chosen.length;
    return from.pick(sizes, source);
  }
}
