package dev.lamina.models;

import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.models.checkpoint.TensorSource;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Layout;
import dev.lamina.spi.ir.QuantFormat;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * Random weights made when asked for, off the heap, in whatever shape is needed.
 *
 * <p>Matrices hold values of magnitude 2^-6 to 2^-5 and random sign, close to the spread that
 * models are initialised with, so that activations stay finite through any depth; vectors of norms
 * hold ones. An element is a hash of seed, name and index, so threads need no order.
 */
final class SyntheticTensors implements TensorSource {
  private static final long CHUNK = 1L << 20;

  private final String shapeName;
  private final DType dtype;
  private final long seed;
  private final Arena arena;
  private final Map<String, StoredTensor> made = new LinkedHashMap<>();

  /** Bits of an element: those that are random, and those that are set. */
  private record Pattern(long random, long fixed, long one) {
    static Pattern of(DType dtype) throws ModelException {
      return switch (dtype) {
        case F32 -> new Pattern(0x807F_FFFF_807F_FFFFL, 0x3C80_0000_3C80_0000L, 0x3F80_0000);
        case F16 -> new Pattern(0x83FF_83FF_83FF_83FFL, 0x2400_2400_2400_2400L, 0x3C00);
        case BF16 -> new Pattern(0x807F_807F_807F_807FL, 0x3C80_3C80_3C80_3C80L, 0x3F80);
        case F8E4M3, F8E5M2, I64, I32, I16, I8, U32, U16, U8, BOOL ->
            throw new ModelException(
                "random weights: expected dtype f32, f16 or bf16, got "
                    + dtype.text()
                    + "; ask for one of these");
      };
    }
  }

  private final Pattern pattern;

  /** How matrices are made, null if they are plain. */
  private final @Nullable QuantFormat format;

  private final @Nullable RandomBlocks blocks;

  SyntheticTensors(String shapeName, DType dtype, long seed) throws ModelException {
    this(shapeName, dtype, null, seed);
  }

  /** Matrices of blocks; vectors, and matrices whose rows are no whole blocks, are F32. */
  SyntheticTensors(String shapeName, QuantFormat format, long seed) throws ModelException {
    this(shapeName, DType.F32, format, seed);
  }

  @SuppressWarnings("MustBeClosedChecker") // closed with this
  private SyntheticTensors(String shapeName, DType dtype, @Nullable QuantFormat format, long seed)
      throws ModelException {
    this.shapeName = shapeName;
    this.dtype = dtype;
    this.seed = seed;
    this.format = format;
    blocks = format == null ? null : new RandomBlocks(format);
    this.pattern = Pattern.of(dtype);
    this.arena = Arena.ofShared();
  }

  @Override
  public String origin() {
    return "random weights of " + shapeName;
  }

  @Override
  public synchronized List<StoredTensor> tensors() {
    return List.copyOf(made.values());
  }

  @Override
  public synchronized @Nullable StoredTensor find(String name) {
    return made.get(name);
  }

  @Override
  public synchronized @Nullable StoredTensor find(String name, Shape needed) {
    return made.computeIfAbsent(name, n -> make(n, needed));
  }

  @Override
  public @Nullable DType weightsDtype() {
    return format == null ? dtype : null;
  }

  private StoredTensor make(String name, Shape shape) {
    if (format != null
        && blocks != null
        && shape.rank() > 1
        && shape.dim(shape.rank() - 1) instanceof Dim.Const(long k)
        && k % format.elements() == 0) {
      return makeBlocks(name, TensorType.blocked(format, shape), blocks);
    }
    TensorType type = TensorType.of(dtype, shape);
    return later(name, type, () -> numbers(name, type, shape.rank()));
  }

  /** A tensor whose bytes are made when they are asked for, by whichever thread asks. */
  private StoredTensor later(String name, TensorType type, Supplier<MemorySegment> source) {
    return StoredTensor.converted(name, type, text(type), type.byteSize(), source, origin());
  }

  private static String text(TensorType type) {
    return type.layout() instanceof Layout.Blocked b ? b.format().text() : type.dtype().text();
  }

  private MemorySegment numbers(String name, TensorType type, int rank) {
    long bytes = type.byteSize();
    // Whole words, so that the last one needs no care.
    MemorySegment data = arena.allocate((bytes + 7) / 8 * 8, 64);
    if (rank == 1 && name.contains("norm")) {
      fillOnes(data);
    } else {
      long key = key(name);
      LongStream.range(0, (data.byteSize() + CHUNK - 1) / CHUNK)
          .parallel()
          .forEach(c -> fillRandom(data, c * CHUNK, key));
    }
    return data.asSlice(0, bytes).asReadOnly();
  }

  private StoredTensor makeBlocks(String name, TensorType type, RandomBlocks random) {
    return later(
        name,
        type,
        () -> {
          MemorySegment data = arena.allocate(type.byteSize(), 64);
          long key = key(name);
          random.fill(data, i -> mix(key + i));
          return data.asReadOnly();
        });
  }

  private long key(String name) {
    return mix(seed ^ name.hashCode() * 0x9E37_79B9_7F4A_7C15L);
  }

  private void fillOnes(MemorySegment data) {
    long word = pattern.one;
    for (int bits = 8 * dtype.bytes(); bits < 64; bits *= 2) {
      word |= word << bits;
    }
    for (long at = 0; at < data.byteSize(); at += 8) {
      data.set(ValueLayout.JAVA_LONG, at, word);
    }
  }

  private void fillRandom(MemorySegment data, long begin, long key) {
    MemorySegment chunk = data.asSlice(begin, Math.min(CHUNK, data.byteSize() - begin));
    int words = (int) (chunk.byteSize() / 8);
    long first = key + begin / 8;
    long random = pattern.random;
    long fixed = pattern.fixed;
    // An int index, so that the compiler drops the bounds check of each word.
    for (int i = 0; i < words; i++) {
      chunk.setAtIndex(ValueLayout.JAVA_LONG, i, mix(first + i) & random | fixed);
    }
  }

  /** The finalizer of SplitMix64. Source: Steele et al., OOPSLA 2014. */
  private static long mix(long v) {
    long z = v * 0x9E37_79B9_7F4A_7C15L;
    z = (z ^ (z >>> 30)) * 0xBF58_476D_1CE4_E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D0_49BB_1331_11EBL;
    return z ^ (z >>> 31);
  }

  @Override
  public synchronized void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }
}
