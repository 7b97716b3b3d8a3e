package dev.lamina.models.checkpoint;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a model's makers recommend for generation; null where they say nothing.
 *
 * @param bosTokenIds ids that begin a text, usually one or none
 * @param eosTokenIds ids that end an answer
 * @param doSample whether to sample rather than take the likeliest token
 * @param temperature divides the logits, at least 0
 * @param topP kept probability mass, above 0 and at most 1
 * @param topK kept tokens, 0 = all
 * @param minP smallest kept probability relative to the largest, 0 to 1
 * @param repetitionPenalty divides the logits of seen tokens, above 0
 */
public record GenerationConfig(
    List<Integer> bosTokenIds,
    List<Integer> eosTokenIds,
    @Nullable Boolean doSample,
    @Nullable Double temperature,
    @Nullable Double topP,
    @Nullable Integer topK,
    @Nullable Double minP,
    @Nullable Double repetitionPenalty) {

  /** Copies the lists. */
  public GenerationConfig {
    bosTokenIds = List.copyOf(bosTokenIds);
    eosTokenIds = List.copyOf(eosTokenIds);
  }

  /**
   * Reads a folder's {@code generation_config.json}, if any; ids it does not give are those of
   * {@code config.json}.
   *
   * @param folder of the checkpoint
   * @param config its {@code config.json}
   * @return the recommendations
   * @throws ModelException if a key is malformed or out of range
   */
  public static GenerationConfig read(Path folder, ModelConfig config) throws ModelException {
    Path file = folder.resolve("generation_config.json");
    if (!Files.exists(file)) {
      return of(config);
    }
    ModelConfig own = ModelConfig.read(file);
    GenerationConfig read = of(own);
    return new GenerationConfig(
        own.has("bos_token_id") ? read.bosTokenIds : config.integers("bos_token_id"),
        own.has("eos_token_id") ? read.eosTokenIds : config.integers("eos_token_id"),
        read.doSample,
        read.temperature,
        read.topP,
        read.topK,
        read.minP,
        read.repetitionPenalty);
  }

  /**
   * The recommendations in an object.
   *
   * @param config a {@code generation_config.json}, or a {@code config.json} that holds them
   * @return the recommendations
   * @throws ModelException if a key is malformed or out of range
   */
  public static GenerationConfig of(ModelConfig config) throws ModelException {
    return new GenerationConfig(
        config.integers("bos_token_id"),
        config.integers("eos_token_id"),
        config.has("do_sample") ? (Boolean) config.bool("do_sample", false) : null,
        config.numberIn("temperature", 0, Float.MAX_VALUE),
        config.has("top_p") ? (Double) topP(config) : null,
        config.has("top_k") ? (Integer) config.integer("top_k", 0) : null,
        config.numberIn("min_p", 0, 1),
        config.has("repetition_penalty")
            ? (Double) config.numberAbove("repetition_penalty", 0)
            : null);
  }

  private static double topP(ModelConfig config) throws ModelException {
    double p = config.numberAbove("top_p", 0);
    if (p > 1) {
      throw config.refuse("top_p", "a number above 0 and at most 1");
    }
    return p;
  }
}
