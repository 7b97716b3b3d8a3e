package dev.lamina.models;

import dev.lamina.models.checkpoint.GenerationConfig;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.models.checkpoint.TensorSource;
import dev.lamina.models.gguf.GgufCheckpoint;
import dev.lamina.models.quantized.QuantizedTensors;
import dev.lamina.models.safetensors.SafetensorsCheckpoint;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.QuantFormat;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A model before any device sees it: configuration, architecture and tensors. Closing it unmaps the
 * tensors; a {@link LoadedModel} made of it must be closed first.
 *
 * @param name what to call it in messages: the folder, file or shape
 * @param config its {@code config.json}, of a model that sees or hears the text model's part, or
 *     what a GGUF file has for it
 * @param architecture as its family parsed it
 * @param generation what its makers recommend
 * @param tensors its weights
 */
public record Checkpoint(
    String name,
    ModelConfig config,
    Architecture architecture,
    GenerationConfig generation,
    TensorSource tensors)
    implements AutoCloseable {

  /**
   * Opens a folder with {@code config.json} and {@code *.safetensors}, or a GGUF file.
   *
   * @param path the folder or file
   * @return the checkpoint; the caller closes it
   * @throws ModelException if something is missing, malformed or not built; one line
   */
  public static Checkpoint open(Path path) throws ModelException {
    return isGguf(path) ? openGguf(path) : openFolder(path, false);
  }

  /**
   * Opens a model to be written in another form: as {@link #open}, but quantised matrices of
   * safetensors are widened to F32 when they are asked for.
   *
   * @param path the folder or file
   * @return the checkpoint; the caller closes it
   * @throws ModelException as {@link #open}
   */
  public static Checkpoint openToConvert(Path path) throws ModelException {
    return isGguf(path) ? openGguf(path) : openFolder(path, true);
  }

  /**
   * The tensors of a folder or of one safetensors file, to be written in another form; where a
   * {@code config.json} says that they are quantised, as {@link #openToConvert} has them.
   *
   * @param path the folder or file
   * @return the tensors; the caller closes them
   * @throws ModelException if something is missing or malformed; one line
   */
  public static TensorSource tensorsToConvert(Path path) throws ModelException {
    Path config = path.resolve("config.json");
    if (!Files.exists(config)) {
      return SafetensorsCheckpoint.open(path);
    }
    ModelConfig read = ModelConfig.read(config);
    return QuantizedTensors.asFloats(read, SafetensorsCheckpoint.open(path));
  }

  /**
   * Whether a path names a GGUF file rather than a folder, be there one or not.
   *
   * @param path by whose ending it is told
   * @return true for {@code *.gguf}
   */
  public static boolean isGguf(Path path) {
    return path.toString().endsWith(".gguf");
  }

  private static Checkpoint openGguf(Path file) throws ModelException {
    GgufCheckpoint tensors = GgufCheckpoint.open(file);
    try {
      ModelConfig config = tensors.config();
      Architecture architecture = ModelFamilies.parse(config);
      return new Checkpoint(
          file.toString(), config, architecture, GenerationConfig.of(config), tensors);
    } catch (ModelException | RuntimeException e) {
      tensors.close();
      throw e;
    }
  }

  private static Checkpoint openFolder(Path folder, boolean asFloats) throws ModelException {
    if (!Files.isDirectory(folder)) {
      throw new ModelException(
          "open %s: expected a folder with config.json and *.safetensors, got %s; check the path"
              .formatted(folder, Files.exists(folder) ? "a file" : "nothing there"));
    }
    ModelConfig whole = ModelConfig.read(folder.resolve("config.json"));
    ModelConfig config = ModelFamilies.textOf(whole);
    Architecture architecture = ModelFamilies.parse(config);
    GenerationConfig generation = GenerationConfig.read(folder, config);
    TensorSource files = SafetensorsCheckpoint.open(folder);
    TensorSource tensors =
        TextTensors.of(
            asFloats ? QuantizedTensors.asFloats(whole, files) : QuantizedTensors.of(whole, files));
    return new Checkpoint(folder.toString(), config, architecture, generation, tensors);
  }

  /**
   * Makes a model of a real model's shape with random weights.
   *
   * @param shape one of {@link Shapes#names()}
   * @param dtype of the weights: F32, F16 or BF16
   * @param seed the same seed gives the same weights
   * @return the checkpoint; the caller closes it
   * @throws ModelException if the shape is not known or not built
   */
  public static Checkpoint synthetic(String shape, DType dtype, long seed) throws ModelException {
    return synthetic(shape, new SyntheticTensors(shape, dtype, seed));
  }

  /**
   * Makes a model of a real model's shape with random quantised matrices; vectors are F32.
   *
   * @param shape one of {@link Shapes#names()}
   * @param format of the matrices: Q8_0, Q4_0, Q4_K, Q6_K, MXFP4 or F8E4M3_128
   * @param seed the same seed gives the same weights
   * @return the checkpoint; the caller closes it
   * @throws ModelException if the shape or the format is not known or not built
   */
  public static Checkpoint synthetic(String shape, QuantFormat format, long seed)
      throws ModelException {
    return synthetic(shape, new SyntheticTensors(shape, format, seed));
  }

  private static Checkpoint synthetic(String shape, SyntheticTensors weights)
      throws ModelException {
    ModelConfig config = Shapes.config(shape);
    return new Checkpoint(
        shape, config, ModelFamilies.parse(config), GenerationConfig.of(config), weights);
  }

  /**
   * The family's name.
   *
   * @return {@code model_type} of the configuration
   */
  public String modelType() {
    try {
      return config.string("model_type");
    } catch (ModelException e) {
      throw new IllegalStateException("a configuration without model_type was parsed", e);
    }
  }

  /**
   * Parameters in the files.
   *
   * @return elements over all tensors
   */
  public long parameters() {
    return tensors.tensors().stream().mapToLong(StoredTensor::elements).sum();
  }

  @Override
  public void close() {
    tensors.close();
  }
}
