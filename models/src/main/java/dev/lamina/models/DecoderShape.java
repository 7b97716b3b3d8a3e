package dev.lamina.models;

import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;

/**
 * The sizes that every decoder has.
 *
 * @param vocabSize V, rows of the embedding
 * @param hiddenSize H, width of the residual stream
 * @param numLayers decoder layers
 * @param numHeads query heads, a multiple of {@code numKvHeads}
 * @param numKvHeads heads of keys and values
 * @param headDim width of a head, even
 * @param maxPositions longest sequence the model is made for
 */
public record DecoderShape(
    int vocabSize,
    int hiddenSize,
    int numLayers,
    int numHeads,
    int numKvHeads,
    int headDim,
    int maxPositions) {

  /** What a family takes for keys that a configuration leaves out; 0 = derived from the others. */
  public record Defaults(int numKvHeads, int headDim, int maxPositions) {}

  /**
   * Reads and checks the sizes by the names that transformers gives them.
   *
   * @param config a model's configuration
   * @param defaults for absent keys
   * @return the sizes
   * @throws ModelException if one is missing, malformed or does not fit the others
   */
  public static DecoderShape parse(ModelConfig config, Defaults defaults) throws ModelException {
    int hidden = config.positiveInt("hidden_size");
    int heads = config.positiveInt("num_attention_heads");
    int kvHeads =
        config.positiveInt(
            "num_key_value_heads", defaults.numKvHeads == 0 ? heads : defaults.numKvHeads);
    if (heads % kvHeads != 0) {
      throw config.refuse("num_key_value_heads", "a divisor of num_attention_heads, " + heads);
    }
    return new DecoderShape(
        config.positiveInt("vocab_size"),
        hidden,
        config.positiveInt("num_hidden_layers"),
        heads,
        kvHeads,
        headDim(config, hidden, heads, defaults.headDim),
        config.positiveInt("max_position_embeddings", defaults.maxPositions));
  }

  private static int headDim(ModelConfig config, int hidden, int heads, int absent)
      throws ModelException {
    if (!config.has("head_dim") && absent == 0) {
      if (hidden % heads != 0 || hidden / heads % 2 != 0) {
        throw config.refuse(
            "hidden_size", "num_attention_heads, %d, times an even number".formatted(heads));
      }
      return hidden / heads;
    }
    int headDim = config.positiveInt("head_dim", absent);
    if (headDim % 2 != 0) {
      throw config.refuse("head_dim", "an even number, since rotary pairs split a head");
    }
    return headDim;
  }

  /**
   * Width of all query heads together.
   *
   * @return elements
   */
  public int queryWidth() {
    return numHeads * headDim;
  }

  /**
   * Width of all key (or value) heads together.
   *
   * @return elements
   */
  public int kvWidth() {
    return numKvHeads * headDim;
  }
}
