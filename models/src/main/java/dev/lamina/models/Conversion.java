package dev.lamina.models;

import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.models.checkpoint.TensorSource;
import dev.lamina.models.ggml.GgmlEncoder;
import dev.lamina.models.ggml.GgmlType;
import dev.lamina.models.gguf.GgufExport;
import dev.lamina.models.gguf.GgufPairs;
import dev.lamina.models.quantized.QuantizedTensors;
import dev.lamina.models.safetensors.SafetensorsWriter;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Layout;
import dev.lamina.spi.ir.TensorType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;

/** Writes a model in another form. */
public final class Conversion {
  private Conversion() {}

  /**
   * Writes a model as one GGUF file.
   *
   * @param model what to write
   * @param matrices how matrices are stored, one of {@link GgmlEncoder#TYPES}; vectors are F32
   * @param target where the file will stand; replaced if it exists
   * @param text puts tokenizer and template into the metadata
   * @param progress hears the name of each tensor that is done
   * @throws IOException if the file cannot be written
   * @throws ModelException if something of the model has no place in such a file; one line
   */
  public static void toGguf(
      Checkpoint model,
      GgmlType matrices,
      Path target,
      Consumer<GgufPairs> text,
      Consumer<String> progress)
      throws IOException, ModelException {
    String architecture = GgufExport.architecture(model.config());
    GgufPairs metadata = new GgufPairs().text("general.architecture", architecture);
    float[] ropeFactors =
        new GgufHyperparameters(model.config(), architecture)
            .put(metadata, model.architecture().shape());
    text.accept(metadata);
    new GgufExport(model.tensors(), model.config(), matrices)
        .write(target, metadata, ropeFactors, said -> SameGraph.check(model, said), progress);
  }

  /**
   * Writes tensors that need not be a model as one GGUF file, by the names that they have.
   *
   * @param tensors what to write
   * @param matrices how matrices are stored, one of {@link GgmlEncoder#TYPES}; vectors are F32
   * @param target where the file will stand; replaced if it exists
   * @param progress hears the name of each tensor that is done
   * @throws IOException if the file cannot be written
   * @throws ModelException if a tensor has no place in such a file; one line
   */
  public static void toGguf(
      TensorSource tensors, GgmlType matrices, Path target, Consumer<String> progress)
      throws IOException, ModelException {
    new GgufExport(tensors, matrices)
        .write(target, new GgufPairs(), new float[0], said -> {}, progress);
  }

  /**
   * Writes tensors as one safetensors file, by the names that they have.
   *
   * @param tensors what to write
   * @param dtype of every tensor: F32, F16 or BF16
   * @param target where the file will stand; replaced if it exists
   * @param progress hears the name of each tensor that is done
   * @throws IOException if the file cannot be written
   * @throws ModelException if a tensor can't be converted; one line
   */
  public static void toSafetensors(
      TensorSource tensors, DType dtype, Path target, Consumer<String> progress)
      throws IOException, ModelException {
    GgmlType to = GgmlType.valueOf(dtype.name());
    Map<String, TensorType> types = new LinkedHashMap<>();
    for (StoredTensor t : tensors.tensors()) {
      types.put(t.name(), new TensorType(dtype, t.type().shape(), Layout.DENSE));
    }
    try (SafetensorsWriter writer = SafetensorsWriter.create(target, types, Map.of())) {
      for (StoredTensor t : tensors.tensors()) {
        try (Arena arena = Arena.ofConfined()) {
          MemorySegment bytes = arena.allocate(to.byteSize(t.elements()));
          GgmlEncoder.convert(source(t), t.unkeptData(), to, bytes, t.elements());
          writer.append(t.name(), bytes);
        }
        progress.accept(t.name());
      }
    }
  }

  private static GgmlType source(StoredTensor t) throws ModelException {
    GgmlType from = GgmlType.of(t.type());
    if (from == null) {
      throw new ModelException(
          "convert %s: tensor '%s': expected floats, got %s; convert it to BF16 first"
              .formatted(t.origin(), t.name(), t.format()));
    }
    return from;
  }

  /**
   * Writes a model's tensors and configuration into a folder.
   *
   * @param model what to write
   * @param dtype of every tensor: F32, F16 or BF16
   * @param folder made if need be
   * @param progress hears the name of each tensor that is done
   * @throws IOException if a file cannot be written
   * @throws ModelException if a tensor can't be converted; one line
   */
  public static void toFolder(Checkpoint model, DType dtype, Path folder, Consumer<String> progress)
      throws IOException, ModelException {
    Files.createDirectories(folder);
    Files.writeString(
        folder.resolve("config.json"), model.config().textWithout(QuantizedTensors.KEY) + "\n");
    toSafetensors(
        ExpertNames.oneEach(model.tensors()), dtype, folder.resolve("model.safetensors"), progress);
  }
}
