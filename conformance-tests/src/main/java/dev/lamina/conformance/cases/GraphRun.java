package dev.lamina.conformance.cases;

import dev.lamina.conformance.CheckFailedException;
import dev.lamina.conformance.oracle.Comparison;
import dev.lamina.conformance.oracle.GraphOracle;
import dev.lamina.conformance.oracle.RefTensor;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.Bindings;
import dev.lamina.spi.Buffer;
import dev.lamina.spi.Command;
import dev.lamina.spi.Device;
import dev.lamina.spi.Executable;
import dev.lamina.spi.Slot;
import dev.lamina.spi.View;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.DimTable;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.TensorType;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** One executable run on guarded buffers, in order: structure, guards, inputs, then elements. */
final class GraphRun {
  private final Graph graph;
  private final Executable executable;
  private final List<Source> sources;
  private final int offsetElements;
  private final boolean apart;
  private final boolean unbiased;
  private final DimTable dims;

  GraphRun(
      Graph graph,
      Executable executable,
      List<Source> sources,
      int offsetElements,
      boolean apart,
      boolean unbiased) {
    this.graph = graph;
    this.executable = executable;
    this.sources = sources;
    this.offsetElements = offsetElements;
    this.apart = apart;
    this.unbiased = unbiased;
    this.dims = graph.dims();
    checkStructure();
  }

  private void checkStructure() {
    List<String> expected = new ArrayList<>();
    graph.inputs().forEach(in -> expected.add(in.name() + ": " + in.value().type()));
    graph.outputs().forEach(o -> expected.add(o.name() + ": " + o.value().type()));
    List<String> got = executable.slots().stream().map(s -> s.name() + ": " + s.type()).toList();
    if (!got.equals(expected)) {
      throw new CheckFailedException("slots: expected " + expected + ", got " + got);
    }
  }

  /**
   * Runs once.
   *
   * @param named a value a symbol
   * @param seed of the inputs
   * @return largest error as a part of what is allowed
   */
  double run(Device device, Map<String, Long> named, long seed) throws BackendException {
    long[] values = dims.syms().stream().mapToLong(s -> named.get(s.name())).toArray();
    List<HostImage> images = new ArrayList<>();
    List<RefTensor> inputs = new ArrayList<>();
    Random random = new Random(seed);
    for (int i = 0; i < sources.size(); i++) {
      TensorType type = graph.inputs().get(i).value().tensor();
      long[] sizes = dims.resolve(type.shape(), values);
      RefTensor content = sources.get(i).make(type.dtype(), sizes, random);
      HostImage image = new HostImage(type, sizes, offsetElements).write(content);
      images.add(image);
      inputs.add(image.tensor());
    }
    List<RefTensor> expected = GraphOracle.evaluate(graph, dims, values, inputs);
    try (Rig rig = new Rig(device)) {
      return execute(rig, values, images, expected);
    }
  }

  private double execute(Rig rig, long[] values, List<HostImage> images, List<RefTensor> expected)
      throws BackendException {
    Bindings bindings = executable.newBindings();
    for (int i = 0; i < values.length; i++) {
      Dim.Sym sym = dims.syms().get(i);
      int ordinal = executable.dims().indexOf(sym.name());
      if (ordinal >= 0) {
        bindings.dim(ordinal, values[i]);
      }
    }
    int numInputs = images.size();
    List<Buffer> buffers = new ArrayList<>();
    for (Slot slot : executable.slots()) {
      TensorType type = (TensorType) slot.type();
      if (slot.ordinal() >= numInputs) {
        images.add(new HostImage(type, dims.resolve(type.shape(), values), offsetElements));
      }
      HostImage image = images.get(slot.ordinal());
      Buffer buffer =
          slot.sharesInput() >= 0 && !apart
              ? buffers.get(slot.sharesInput())
              : rig.buffer(image.bytes);
      buffers.add(buffer);
      bindings.tensor(slot.ordinal(), new View(buffer, image.offset, type));
    }
    rig.run(new Command.Run(executable, bindings));
    return check(rig, numInputs, buffers, images, expected);
  }

  private double check(
      Rig rig,
      int numInputs,
      List<Buffer> buffers,
      List<HostImage> images,
      List<RefTensor> expected)
      throws BackendException {
    List<byte[]> after = new ArrayList<>();
    for (int i = numInputs; i < images.size(); i++) {
      byte[] memory = rig.download(buffers.get(i));
      images.get(i).checkGuards(executable.slots().get(i).name(), memory);
      after.add(memory);
    }
    for (int i = 0; i < numInputs; i++) {
      if (buffers.lastIndexOf(buffers.get(i)) == i) {
        images.get(i).checkUnchanged(graph.inputs().get(i).name(), rig.download(buffers.get(i)));
      }
    }
    double worst = 0;
    for (int i = 0; i < expected.size(); i++) {
      long[] actual = images.get(numInputs + i).read(after.get(i));
      String name = graph.outputs().get(i).name();
      worst = Math.max(worst, Comparison.check(name, expected.get(i), actual, unbiased));
    }
    return worst;
  }
}
