package dev.lamina.conformance.cases;

import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Layout;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** A graph under construction with what its inputs hold and how it is to be run. */
final class GraphSpec {
  /** The graph; use its op methods. */
  final Ops ops;

  /** For sizes that differ from seed to seed. */
  final Random random;

  final List<Source> sources = new ArrayList<>();
  final List<Map<String, Long>> rounds = new ArrayList<>();
  CompileOptions options = CompileOptions.DEFAULT;
  int offsetElements;
  boolean apart;
  boolean unbiased;
  boolean subnormal;

  GraphSpec(String name) {
    this(name, 0);
  }

  GraphSpec(String name, long seed) {
    ops = new Ops(name);
    random = new Random(seed);
  }

  /** A dense input. */
  Value in(Source source, DType dtype, long... sizes) {
    return in(source, TensorType.of(dtype, sizes));
  }

  /** A dense input with symbols. */
  Value symbolic(Source source, DType dtype, Dim... dims) {
    return in(source, TensorType.of(dtype, dims));
  }

  /** A strided input. */
  Value strided(Source source, DType dtype, List<Long> strides, long... sizes) {
    return in(source, new TensorType(dtype, Shape.of(sizes), new Layout.Strided(strides)));
  }

  /** An input. */
  Value in(Source source, TensorType type) {
    subnormal |= source == Regime.SUBNORMAL && type.dtype().isFloat();
    sources.add(source);
    return ops.tensor("in" + (sources.size() - 1), type);
  }

  /** Names outputs. */
  void out(Value... values) {
    for (int i = 0; i < values.length; i++) {
      ops.output("out" + i, values[i]);
    }
  }

  /** A size from a range, the same for the same case and seed. */
  int size(int least, int most) {
    return least + random.nextInt(most - least + 1);
  }

  /** One more run of the same executable, with these sizes. */
  GraphSpec round(Map<String, Long> dims) {
    rounds.add(dims);
    return this;
  }
}
