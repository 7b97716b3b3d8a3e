package dev.lamina.models.gguf;

import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.models.checkpoint.TensorSource;
import dev.lamina.models.ggml.GgmlEncoder;
import dev.lamina.models.ggml.GgmlType;
import dev.lamina.spi.ir.Shape;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.LinkedHashMap;
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
   * Writes the file.
   *
   * @param target where it will stand; replaced if it exists
   * @param metadata architecture, hyper-parameters, tokenizer and template
   * @param ropeFactors divisors of rotary frequencies, none for most models
   * @param progress hears the name of each tensor that is done
   * @throws IOException if the file cannot be written
   * @throws ModelException if a tensor or a hyper-parameter has no place in the file; one line
   */
  public void write(Path target, GgufPairs metadata, float[] ropeFactors, Consumer<String> progress)
      throws IOException, ModelException {
    Map<String, GgufWriter.Entry> entries = new LinkedHashMap<>();
    Map<String, StoredTensor> tensors = new LinkedHashMap<>();
    for (StoredTensor t : source.tensors()) {
      // Older checkpoints carry the frequencies that every reader computes.
      if (!t.name().endsWith("rotary_emb.inv_freq")) {
        String name = ggufName(t);
        entries.put(name, new GgufWriter.Entry(type(t), t.type().shape()));
        tensors.put(name, t);
      }
    }
    if (ropeFactors.length > 0) {
      entries.put(
          GgufConfig.ROPE_FACTORS,
          new GgufWriter.Entry(GgmlType.F32, Shape.of((long) ropeFactors.length)));
    }
    try (GgufWriter writer = GgufWriter.create(target, metadata, entries)) {
      for (Map.Entry<String, StoredTensor> t : tensors.entrySet()) {
        append(writer, t.getKey(), t.getValue(), type(t.getValue()));
        progress.accept(t.getKey());
      }
      if (ropeFactors.length > 0) {
        GgufBytes bytes = new GgufBytes();
        for (float f : ropeFactors) {
          bytes.f32(f);
        }
        writer.append(GgufConfig.ROPE_FACTORS, MemorySegment.ofArray(bytes.toByteArray()));
      }
    }
  }

  private String ggufName(StoredTensor t) throws ModelException {
    if (architecture == null) {
      return t.name();
    }
    String name = GgufNames.toGguf(t.name());
    if (name == null) {
      throw new ModelException(
          "convert %s: tensor '%s': expected one that GGUF files of %s have, got another; it can't be"
                  .formatted(t.origin(), t.name(), architecture.text())
              + " left out");
    }
    return name;
  }

  private GgmlType type(StoredTensor t) throws ModelException {
    Shape shape = t.type().shape();
    if (shape.rank() < 2) {
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

  private void append(GgufWriter writer, String name, StoredTensor t, GgmlType type)
      throws IOException, ModelException {
    GgmlType from = GgmlType.of(t.type());
    if (from == null) {
      throw new ModelException(
          "convert %s: tensor '%s': expected F32, F16, BF16, Q8_0 or Q4_0, got %s; convert it first"
              .formatted(t.origin(), t.name(), t.format()));
    }
    long elements = t.elements();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment bytes = arena.allocate(type.byteSize(elements));
      GgmlEncoder.convert(from, t.data(), type, bytes, elements);
      int heads =
          architecture == null || config == null ? 0 : architecture.pairedHeads(t.name(), config);
      if (heads > 0) {
        MemorySegment pairs = arena.allocate(bytes.byteSize());
        RotaryRows.toPairs(bytes, pairs, t.type().shape(), heads);
        bytes = pairs;
      }
      writer.append(name, bytes);
    }
  }
}
