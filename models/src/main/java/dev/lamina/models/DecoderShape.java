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

  /**
   * What a family takes for keys that a configuration leaves out; 0 = derived from the others, as
   * are KV heads that stand there with null.
   */
  public record Defaults(int numKvHeads, int headDim, int maxPositions) {}

  /**
   * What a configuration calls the sizes that not all families name alike.
   *
   * @param hiddenSize H
   * @param numLayers decoder layers
   * @param numHeads query heads
   * @param maxPositions longest sequence
   */
  public record Keys(String hiddenSize, String numLayers, String numHeads, String maxPositions) {
    /** The names that most have. */
    public static final Keys USUAL =
        new Keys(
            "hidden_size", "num_hidden_layers", "num_attention_heads", "max_position_embeddings");

    /** Those of GPT-2 and its time. */
    public static final Keys GPT2 = new Keys("n_embd", "n_layer", "n_head", "n_positions");
  }

  /**
   * Reads and checks the sizes by the names that transformers gives them.
   *
   * @param config a model's configuration
   * @param defaults for absent keys
   * @return the sizes
   * @throws ModelException if one is missing, malformed or does not fit the others
   */
  public static DecoderShape parse(ModelConfig config, Defaults defaults) throws ModelException {
    return parse(config, Keys.USUAL, defaults);
  }

  /**
   * Reads and checks the sizes.
   *
   * @param config a model's configuration
   * @param keys what it calls them
   * @param defaults for absent keys
   * @return the sizes
   * @throws ModelException if one is missing, malformed or does not fit the others
   */
  public static DecoderShape parse(ModelConfig config, Keys keys, Defaults defaults)
      throws ModelException {
    return parse(config, keys, config.positiveInt(keys.numLayers), defaults);
  }

  /**
   * Reads and checks the sizes of a decoder that says otherwise how many layers it has.
   *
   * @param config a model's configuration
   * @param keys what it calls them
   * @param numLayers decoder layers
   * @param defaults for absent keys
   * @return the sizes
   * @throws ModelException if one is missing, malformed or does not fit the others
   */
  public static DecoderShape parse(ModelConfig config, Keys keys, int numLayers, Defaults defaults)
      throws ModelException {
    int hidden = config.positiveInt(keys.hiddenSize);
    int heads = config.positiveInt(keys.numHeads);
    boolean derived = defaults.numKvHeads == 0 || config.names("num_key_value_heads");
    int kvHeads = config.positiveInt("num_key_value_heads", derived ? heads : defaults.numKvHeads);
    if (heads % kvHeads != 0) {
      throw config.refuse(
          "num_key_value_heads", "a divisor of %s, %d".formatted(keys.numHeads, heads));
    }
    return new DecoderShape(
        config.positiveInt("vocab_size"),
        hidden,
        numLayers,
        heads,
        kvHeads,
        headDim(config, keys, hidden, heads, defaults.headDim),
        config.positiveInt(keys.maxPositions, defaults.maxPositions));
  }

  private static int headDim(ModelConfig config, Keys keys, int hidden, int heads, int absent)
      throws ModelException {
    if (!config.has("head_dim") && absent == 0) {
      if (hidden % heads != 0 || hidden / heads % 2 != 0) {
        throw config.refuse(
            keys.hiddenSize, "%s, %d, times an even number".formatted(keys.numHeads, heads));
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
   * These sizes with other heads, as a layer of its own kind has them.
   *
   * @param kvHeads heads of keys and values, a divisor of the query heads
   * @param dim width of a head
   * @return the sizes
   */
  public DecoderShape withHeads(int kvHeads, int dim) {
    return new DecoderShape(vocabSize, hiddenSize, numLayers, numHeads, kvHeads, dim, maxPositions);
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
