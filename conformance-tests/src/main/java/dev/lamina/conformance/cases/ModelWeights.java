package dev.lamina.conformance.cases;

import dev.lamina.conformance.oracle.LayerOracle;
import dev.lamina.conformance.oracle.RefTensor;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Layout;
import dev.lamina.spi.ir.QuantFormat;
import dev.lamina.spi.ir.TensorType;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;

/**
 * Seeded weights of a model given as a graph, by their names: norms around one, projections that
 * keep the spread of what they project, a head that makes up its mind.
 *
 * @param stored as they lie in memory; quantised ones as bytes
 * @param decoded as they count
 */
record ModelWeights(Map<String, RefTensor> stored, Map<String, RefTensor> decoded) {

  static ModelWeights of(Graph graph, Random random) {
    Map<String, RefTensor> stored = new LinkedHashMap<>();
    Map<String, RefTensor> decoded = new LinkedHashMap<>();
    for (Graph.Input in : graph.inputs()) {
      if (in.role() == Graph.Role.WEIGHT) {
        TensorType type = in.value().tensor();
        long[] sizes = type.shape().dims().stream().mapToLong(d -> d.upperBound()).toArray();
        if (type.layout() instanceof Layout.Blocked(QuantFormat format)) {
          RefTensor bytes = quantised(format, sizes, random);
          stored.put(in.name(), bytes);
          decoded.put(in.name(), LayerOracle.decode(format, bytes, sizes[0], sizes[1]));
        } else {
          RefTensor plain = source(in.name(), sizes).make(type.dtype(), sizes, random);
          stored.put(in.name(), plain);
          decoded.put(in.name(), plain);
        }
      }
    }
    return new ModelWeights(stored, decoded);
  }

  private static Source source(String name, long[] sizes) {
    if (name.startsWith("rope")) {
      return Source.reals(random -> {
        int[] i = {0};
        return () -> Math.pow(10000, -i[0]++ / (double) sizes[0]);
      });
    }
    double center = name.contains("orm.") ? 1 : 0;
    double spread =
        name.startsWith("head") || name.startsWith("embed")
            ? 0.4
            : sizes.length == 2
                ? 1.5 / Math.sqrt((double) sizes[1])
                : name.contains("sinks") ? 1 : 0.2;
    return Source.reals(random -> () -> center + spread * random.nextGaussian());
  }

  /** Random codes under scales that give the spread of a plain projection. */
  private static RefTensor quantised(QuantFormat format, long[] sizes, Random random) {
    int perBlock = format.bytes();
    long bytes = sizes[1] / format.elements() * perBlock;
    if (format != QuantFormat.Q8_0 && format != QuantFormat.Q4_0) {
      throw new IllegalArgumentException("model weights: no spread known for " + format.text());
    }
    double deviation = format == QuantFormat.Q8_0 ? 74 : 4.6;
    short scale = Float.floatToFloat16((float) (1.5 / Math.sqrt((double) sizes[1]) / deviation));
    RefTensor.Builder out = new RefTensor.Builder(DType.U8, sizes[0], bytes);
    for (int i = 0; i < out.count(); i++) {
      // The last bits of the scale vary from block to block.
      out.exact(
          i,
          switch (i % perBlock) {
            case 0 -> random.nextInt(256);
            case 1 -> (scale >> 8) & 0xFF;
            default -> random.nextInt(256);
          });
    }
    return out.build();
  }
}
