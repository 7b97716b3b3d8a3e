package dev.lamina.conformance.cases;

import dev.lamina.conformance.oracle.RefTensor;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.QuantFormat;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** A graph of composites under construction with its arguments and what it must give. */
final class CompositeSpec {
  /** The graph; use its op methods. */
  final Ops ops;

  /** The case's own random numbers. */
  final Random random;

  /** One an input. */
  final List<Argument> arguments = new ArrayList<>();

  /** One a tensor output, in order. */
  final List<RefTensor> expected = new ArrayList<>();

  /** What the entries of a returned pool must hold, by the pool's name. */
  final Map<String, List<RefTensor>> expectedPools = new LinkedHashMap<>();

  /** Whether the errors are independent, so that their mean must vanish. */
  boolean unbiased;

  /** Values of symbols. */
  final Map<String, Long> dims = new LinkedHashMap<>();

  CompositeSpec(String name, long seed) {
    ops = new Ops(name);
    random = new Random(seed);
  }

  /** What an input is bound to. */
  sealed interface Argument {
    /**
     * A tensor or the bytes of a weight.
     *
     * @param content its elements; of a blocked weight its bytes
     */
    record Tensor(RefTensor content) implements Argument {}

    /**
     * A pool.
     *
     * @param spec what a slot holds
     * @param slots how many
     * @param entries content of each entry, {@code [slots, entry shape]}
     */
    record Pool(StateSpec spec, long slots, List<RefTensor> entries) implements Argument {}
  }

  /** Exact random elements. */
  RefTensor make(Source source, DType dtype, long... sizes) {
    return source.make(dtype, sizes, random);
  }

  /** A size from a range. */
  int size(int least, int most) {
    return least + random.nextInt(most - least + 1);
  }

  /** A tensor input of constant shape. */
  Value tensor(RefTensor content) {
    return tensor(content, Arrays.stream(content.sizes()).mapToObj(Dim::of).toArray(Dim[]::new));
  }

  /** A tensor input; symbols take the content's sizes. */
  Value tensor(RefTensor content, Dim... shape) {
    for (int i = 0; i < shape.length; i++) {
      if (shape[i] instanceof Dim.Sym s) {
        dims.put(s.name(), (long) content.size(i));
      }
    }
    return input(Graph.Role.TENSOR, TensorType.of(content.dtype(), Shape.of(shape)), content);
  }

  /** A weight. */
  Value weight(RefTensor content) {
    TensorType type = TensorType.of(content.dtype(), content.sizes());
    return input(Graph.Role.WEIGHT, type, content);
  }

  /** A quantised weight of this shape in elements. */
  Value blocked(QuantFormat format, RefTensor bytes, long... shape) {
    TensorType type = TensorType.blocked(format, Shape.of(shape));
    return input(Graph.Role.WEIGHT, type, bytes);
  }

  private Value input(Graph.Role role, TensorType type, RefTensor content) {
    arguments.add(new Argument.Tensor(content));
    return ops.input(role, "in" + (arguments.size() - 1), type);
  }

  /** A pool with this content. */
  Value pool(StateSpec spec, List<RefTensor> entries) {
    long slots = entries.getFirst().size(0);
    if (spec.numSlots() instanceof Dim.Sym s) {
      dims.put(s.name(), slots);
    }
    arguments.add(new Argument.Pool(spec, slots, entries));
    return ops.state(spec);
  }

  /** Names an output and what it must be. */
  void out(Value value, RefTensor content) {
    ops.output("out" + expected.size(), value);
    expected.add(content);
  }

  /** Returns a pool and says what its entries must hold. */
  void out(StateSpec spec, Value successor, List<RefTensor> entries) {
    ops.output(spec.name(), successor);
    expectedPools.put(spec.name(), entries);
  }
}
