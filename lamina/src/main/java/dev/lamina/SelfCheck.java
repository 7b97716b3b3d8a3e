package dev.lamina;

import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.BackendOptions;
import dev.lamina.spi.BackendProvider;
import dev.lamina.spi.Device;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.GraphText;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.ValueType;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;

/**
 * Twenty small ops ({@code self-check.ir}) whose results a device must share with the reference
 * backend before it is picked unasked. It finds a driver, a compiler or a card that computes wrong
 * numbers, not a wrong backend: that is the conformance kit's job.
 */
final class SelfCheck {
  /** Of the largest element of a result: far above rounding, far below any wrong index. */
  private static final double TOLERANCE = 2e-3;

  private static final long SEED = 20;

  private SelfCheck() {}

  /** The ops, each as a graph. */
  static List<Graph> graphs() {
    try (InputStream in = SelfCheck.class.getResourceAsStream("self-check.ir")) {
      if (in == null) {
        throw new IllegalStateException("self-check.ir is not in the jar");
      }
      String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
      return Stream.of(text.split("(?m)^(?=graph )"))
          .filter(part -> part.startsWith("graph "))
          .map(GraphText::parse)
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Runs all of them on a device and on the reference.
   *
   * @param provider of the device
   * @param ordinal the device
   * @param reference the reference backend
   * @return the first op that differs, in a few words; nothing if all agree
   * @throws BackendException if one does not run
   */
  static Optional<String> failure(BackendProvider provider, int ordinal, BackendProvider reference)
      throws BackendException {
    try (Backend checked = provider.open(BackendOptions.DEFAULT);
        Device device = checked.open(ordinal);
        Backend truth = reference.open(BackendOptions.DEFAULT);
        Device right = truth.open(0)) {
      for (Graph graph : graphs()) {
        Optional<String> failure = failure(graph, device, right);
        if (failure.isPresent()) {
          return failure;
        }
      }
      return Optional.empty();
    }
  }

  private static Optional<String> failure(Graph graph, Device device, Device right)
      throws BackendException {
    List<byte[]> inputs = inputs(graph);
    List<byte[]> expected;
    try (GraphOnce once = new GraphOnce(right)) {
      expected = once.run(graph, inputs);
    }
    List<byte[]> got;
    try (GraphOnce once = new GraphOnce(device)) {
      got = once.run(graph, inputs);
    }
    for (int i = 0; i < expected.size(); i++) {
      TensorType type = (TensorType) graph.outputs().get(i).value().type();
      Optional<String> difference = difference(type.dtype(), expected.get(i), got.get(i));
      if (difference.isPresent()) {
        return Optional.of("%s: %s".formatted(graph.name(), difference.get()));
      }
    }
    return Optional.empty();
  }

  private static List<byte[]> inputs(Graph graph) {
    Random random = new Random(SEED);
    List<byte[]> all = new ArrayList<>();
    for (Graph.Input input : graph.inputs()) {
      ValueType type = input.value().type();
      if (type instanceof TensorType t) {
        all.add(content(input.name(), t, random));
      }
    }
    return all;
  }

  /** Integers as the name lists them; floats of (-1, 1); blocks with small scales. */
  private static byte[] content(String name, TensorType type, Random random) {
    byte[] bytes = new byte[Math.toIntExact(type.byteSize())];
    ByteBuffer to = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    if (type.isBlocked()) {
      // Whatever is a scale in F16 is then below 0.13.
      random.nextBytes(bytes);
      for (int i = 0; i < bytes.length; i++) {
        bytes[i] &= 0x2F;
      }
      return bytes;
    }
    switch (type.dtype()) {
      case I32 -> Stream.of(name.split(",")).forEach(n -> to.putInt(Integer.parseInt(n)));
      case F32 -> {
        while (to.hasRemaining()) {
          to.putFloat(2 * random.nextFloat() - 1);
        }
      }
      case BF16 -> {
        while (to.hasRemaining()) {
          to.putShort((short) (Float.floatToRawIntBits(2 * random.nextFloat() - 1) >>> 16));
        }
      }
      default -> throw new IllegalStateException("self-check.ir: no input of " + type);
    }
    return bytes;
  }

  private static Optional<String> difference(DType dtype, byte[] expected, byte[] got) {
    double[] right = numbers(dtype, expected);
    double[] values = numbers(dtype, got);
    double largest = 0;
    for (double x : right) {
      largest = Math.max(largest, Math.abs(x));
    }
    double allowed = dtype.isFloat() ? TOLERANCE * largest : 0;
    for (int i = 0; i < right.length; i++) {
      // Written so that a NaN differs.
      if (!(Math.abs(right[i] - values[i]) <= allowed)) {
        return Optional.of(
            String.format(
                Locale.ROOT, "element %d: expected %.6g, got %.6g", i, right[i], values[i]));
      }
    }
    return Optional.empty();
  }

  private static double[] numbers(DType dtype, byte[] bytes) {
    ByteBuffer from = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    double[] numbers = new double[bytes.length / dtype.bytes()];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] =
          switch (dtype) {
            case F32 -> from.getFloat();
            case F16 -> Float.float16ToFloat(from.getShort());
            case BF16 -> Float.intBitsToFloat(from.getShort() << 16);
            case I32 -> from.getInt();
            default -> throw new IllegalStateException("self-check.ir: no output of " + dtype);
          };
    }
    return numbers;
  }
}
