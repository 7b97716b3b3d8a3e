package dev.lamina.backend.sdk;

import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.util.ArrayList;
import java.util.List;

/**
 * A decomposed pool at one point of a graph: a tensor {@code [numSlots, entry shape]} an entry.
 *
 * @param spec what a slot holds
 * @param entries one value an entry, in the spec's order
 */
record Pool(StateSpec spec, List<Value> entries) {
  Pool {
    entries = List.copyOf(entries);
  }

  /** Name of the tensor that stands for an entry: {@code POOL/ENTRY.LAYER}. */
  static String tensorName(StateSpec spec, StateSpec.Entry entry) {
    return spec.name() + "/" + entry.name() + "." + entry.layer();
  }

  /** Type of the tensor that stands for an entry. */
  static TensorType tensorType(StateSpec spec, StateSpec.Entry entry) {
    List<Dim> dims = new ArrayList<>();
    dims.add(spec.numSlots());
    entry.shape().forEach(d -> dims.add(Dim.of(d)));
    return TensorType.of(entry.dtype(), new Shape(dims));
  }

  int index(String entry, int layer) {
    return spec.entries().indexOf(spec.entry(entry, layer));
  }

  Value entry(String entry, int layer) {
    return entries.get(index(entry, layer));
  }

  Pool with(int index, Value value) {
    List<Value> next = new ArrayList<>(entries);
    next.set(index, value);
    return new Pool(spec, next);
  }
}
