package dev.lamina.models.gguf;

import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.models.checkpoint.TensorSource;
import dev.lamina.models.ggml.GgmlEncoder;
import dev.lamina.models.ggml.GgmlType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Shape;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Writes tensors as a GGUF file: those of a whole model as llama.cpp expects them, others by the
 * names and in the order of rows that they have.
 */
public final class GgufExport {
  private final TensorSource source;
  private final @Nullable ModelConfig config;
  private final @Nullable GgufArchitecture architecture;
  private final @Nullable GgufNames names;
  private final GgmlType matrices;

  /**
   * Prepares a file.
   *
   * @param source the tensors
   * @param config what {@code config.json} says
   * @param matrices how matrices are stored, one of {@link GgmlEncoder#TYPES}; vectors are F32
   * @throws ModelException if the model's architecture has no GGUF form here
   */
  public GgufExport(TensorSource source, ModelConfig config, GgmlType matrices)
      throws ModelException {
    this.source = source;
    this.config = config;
    this.matrices = matrices;
    this.architecture = GgufArchitecture.ofModelType(config);
    this.names = GgufArchitecture.names(config);
  }

  /**
   * Prepares a file of tensors that need not be a model.
   *
   * @param source the tensors
   * @param matrices how matrices are stored, one of {@link GgmlEncoder#TYPES}; vectors are F32
   */
  public GgufExport(TensorSource source, GgmlType matrices) {
    this.source = source;
    this.config = null;
    this.matrices = matrices;
    this.architecture = null;
    this.names = null;
  }

  /**
   * What files call a model's architecture.
   *
   * @param config what {@code config.json} says
   * @return the value of {@code general.architecture}, and the prefix of its keys
   * @throws ModelException if the model's architecture has no GGUF form here
   */
  public static String architecture(ModelConfig config) throws ModelException {
    return GgufArchitecture.ofModelType(config).text();
  }

  /**
   * Puts the hyper-parameters that only some architectures have.
   *
   * @param config what {@code config.json} says
   * @param to where to
   * @throws ModelException if a key is malformed, or says what files of its architecture can't
   */
  public static void put(ModelConfig config, GgufPairs to) throws ModelException {
    GgufArchitecture architecture = GgufArchitecture.ofModelType(config);
    for (GgufKey key : architecture.dialect().keys()) {
      key.write(config, architecture.text() + ".", to);
    }
  }

  /**
   * Whether files have a place for a hyper-parameter that only some architectures have.
   *
   * @param config what {@code config.json} says
   * @param gguf the key without the architecture
   * @return true if it is put
   * @throws ModelException if the model's architecture has no GGUF form here
   */
  public static boolean puts(ModelConfig config, String gguf) throws ModelException {
    return GgufArchitecture.ofModelType(config).dialect().carries(gguf);
  }

  /** Hears, before anything is written, what the file will say. */
  public interface Check {
    /**
     * Refuses what is not what the model says.
     *
     * @param said hyper-parameters as they will be read from the file, by the names of transformers
     * @throws ModelException if the file would be of another model; one line
     */
    void accept(ModelConfig said) throws ModelException;
  }

  /**
   * Writes the file.
   *
   * @param target where it will stand; replaced if it exists
   * @param metadata architecture, hyper-parameters, tokenizer and template
   * @param ropeFactors divisors of rotary frequencies, none for most models
   * @param check hears first what the file will say, if it is of a model
   * @param progress hears the name of each tensor that is done
   * @throws IOException if the file cannot be written
   * @throws ModelException if a tensor or a hyper-parameter has no place in the file; one line
   */
  public void write(
      Path target, GgufPairs metadata, float[] ropeFactors, Check check, Consumer<String> progress)
      throws IOException, ModelException {
    Map<String, List<StoredTensor>> tensors = new LinkedHashMap<>();
    for (StoredTensor t : source.tensors()) {
      // Older checkpoints carry the frequencies that every reader computes.
      if (!t.name().endsWith("rotary_emb.inv_freq")) {
        place(t, tensors);
      }
    }
    Map<String, GgufWriter.Entry> entries = new LinkedHashMap<>();
    for (Map.Entry<String, List<StoredTensor>> t : tensors.entrySet()) {
      t.setValue(inOrder(t.getValue()));
      entries.put(t.getKey(), entry(t.getKey(), t.getValue()));
    }
    if (ropeFactors.length > 0) {
      entries.put(
          GgufConfig.ROPE_FACTORS,
          new GgufWriter.Entry(GgmlType.F32, Shape.of((long) ropeFactors.length)));
    }
    if (architecture != null) {
      check.accept(said(target, metadata, entries, ropeFactors, architecture));
    }
    try (GgufWriter writer = GgufWriter.create(target, metadata, entries)) {
      for (Map.Entry<String, List<StoredTensor>> t : tensors.entrySet()) {
        append(writer, t.getKey(), t.getValue(), type(t.getKey(), t.getValue().getFirst()));
        progress.accept(t.getKey());
      }
      if (ropeFactors.length > 0) {
        writer.append(GgufConfig.ROPE_FACTORS, bytes(ropeFactors));
      }
    }
  }

  private static MemorySegment bytes(float[] values) {
    GgufBytes bytes = new GgufBytes();
    for (float f : values) {
      bytes.f32(f);
    }
    return MemorySegment.ofArray(bytes.toByteArray());
  }

  /** What the file will say: its metadata, and which tensors it has, without their data. */
  private static ModelConfig said(
      Path target,
      GgufPairs metadata,
      Map<String, GgufWriter.Entry> entries,
      float[] ropeFactors,
      GgufArchitecture architecture)
      throws ModelException {
    byte[] start = GgufWriter.start(metadata, 0).toByteArray();
    GgufFile pairs = GgufFile.parse(target.toString(), MemorySegment.ofArray(start));
    List<GgufFile.Tensor> tensors = new ArrayList<>();
    entries.forEach((name, e) -> {
      MemorySegment data =
          name.equals(GgufConfig.ROPE_FACTORS) ? bytes(ropeFactors) : MemorySegment.NULL;
      tensors.add(new GgufFile.Tensor(name, e.type(), e.shape(), data));
    });
    return GgufConfig.of(new GgufFile(pairs.metadata(), List.copyOf(tensors)), architecture);
  }

  private void place(StoredTensor t, Map<String, List<StoredTensor>> tensors)
      throws ModelException {
    List<String> halves = names == null ? List.of() : names.halves(t.name());
    if (halves.isEmpty()) {
      tensors.computeIfAbsent(ggufName(t), name -> new ArrayList<>()).add(t);
      return;
    }
    for (int i = 0; i < 2; i++) {
      tensors.put(halves.get(i), new ArrayList<>(List.of(GgufRows.half(t, i == 1))));
    }
  }

  private String ggufName(StoredTensor t) throws ModelException {
    if (architecture == null || names == null) {
      return t.name();
    }
    String name = names.toGguf(t.name());
    if (name == null) {
      throw new ModelException(
          "convert %s: tensor '%s': expected one that GGUF files of %s have, got another; it can't be"
                  .formatted(t.origin(), t.name(), architecture.text())
              + " left out");
    }
    return name;
  }

  /** Parts of a stack by the number of the expert: by length, then by letters. */
  private static List<StoredTensor> inOrder(List<StoredTensor> parts) {
    return parts.stream()
        .sorted(
            Comparator.comparingInt((StoredTensor t) -> t.name().length())
                .thenComparing(StoredTensor::name))
        .toList();
  }

  private GgufWriter.Entry entry(String name, List<StoredTensor> parts) throws ModelException {
    StoredTensor first = parts.getFirst();
    for (StoredTensor t : parts) {
      if (!t.type().shape().equals(first.type().shape())) {
        throw new ModelException(
            "convert %s: tensor '%s': expected the shape of '%s', %s, got %s; fetch the model again"
                .formatted(
                    t.origin(), t.name(), first.name(), first.type().shape(), t.type().shape()));
      }
    }
    Shape shape = first.type().shape();
    if (architecture != null && name.endsWith(GgufRows.SHARED_GATE)) {
      return new GgufWriter.Entry(GgmlType.F32, Shape.of(first.elements()));
    }
    if (names == null || GgufNames.stack(first.name()).equals(first.name())) {
      return new GgufWriter.Entry(type(name, first), shape);
    }
    List<Dim> dims = new ArrayList<>(shape.dims());
    dims.addFirst(Dim.of(parts.size()));
    return new GgufWriter.Entry(type(name, first), new Shape(dims));
  }

  private GgmlType type(String name, StoredTensor t) throws ModelException {
    Shape shape = t.type().shape();
    // Readers of such files take a router as F32 only.
    if (shape.rank() < 2
        || name.endsWith(".ffn_gate_inp.weight")
        || architecture != null && name.endsWith(GgufRows.SHARED_GATE)) {
      return GgmlType.F32;
    }
    long row = shape.dim(shape.rank() - 1).upperBound();
    if (row % matrices.elements() != 0) {
      throw new ModelException(
          "convert %s: tensor '%s': expected rows of a multiple of %d elements for %s, got %d; choose"
                  .formatted(t.origin(), t.name(), matrices.elements(), matrices.text(), row)
              + " another dtype");
    }
    return matrices;
  }

  private void append(GgufWriter writer, String name, List<StoredTensor> parts, GgmlType type)
      throws IOException, ModelException {
    try (Arena arena = Arena.ofConfined()) {
      long each = parts.getFirst().elements();
      MemorySegment all = arena.allocate(type.byteSize(each * parts.size()));
      for (int i = 0; i < parts.size(); i++) {
        convert(parts.get(i), type, all.asSlice(i * type.byteSize(each), type.byteSize(each)));
      }
      if (architecture != null && architecture.dialect().addsOne(name)) {
        GgufRows.addOne(all);
      }
      writer.append(name, all);
    }
  }

  private void convert(StoredTensor t, GgmlType type, MemorySegment to) throws ModelException {
    GgmlType from = GgmlType.of(t.type());
    if (from == null) {
      throw new ModelException(
          "convert %s: tensor '%s': expected floats or blocks of GGUF, got %s; convert it first"
              .formatted(t.origin(), t.name(), t.format()));
    }
    GgmlEncoder.convert(from, t.unkeptData(), type, to, t.elements());
    int heads =
        architecture == null || config == null ? 0 : architecture.pairedHeads(t.name(), config);
    if (heads > 0) {
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment pairs = arena.allocate(to.byteSize());
        RotaryRows.toPairs(to, pairs, t.type().shape(), heads);
        to.copyFrom(pairs);
      }
    }
  }
}
