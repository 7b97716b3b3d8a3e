package dev.lamina.models;

import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.StepSlots;
import org.jspecify.annotations.Nullable;

/**
 * How a model is planned and compiled.
 *
 * @param precision of activations, keys and values
 * @param kvDtype of keys and values, null = as the precision says
 * @param maxModelLen longest sequence, 0 = the longest the model is made for
 * @param maxTokens most tokens a step
 * @param maxSeqs most sequences a step
 * @param slotsPerPage tokens of a KV page, a multiple of 16
 * @param fromEmbeddings whether the step's input is the tokens' embeddings instead of their ids
 * @param shard which part of the model
 * @param compile for the backend
 * @param lora room for adapters
 */
public record ModelOptions(
    Precision precision,
    @Nullable DType kvDtype,
    int maxModelLen,
    int maxTokens,
    int maxSeqs,
    int slotsPerPage,
    boolean fromEmbeddings,
    Shard shard,
    CompileOptions compile,
    LoraSlots lora) {

  /** What an engine starts with. */
  public static final ModelOptions DEFAULT =
      new ModelOptions(
          Precision.DEFAULT,
          null,
          0,
          8192,
          256,
          16,
          false,
          Shard.WHOLE,
          CompileOptions.DEFAULT,
          LoraSlots.NONE);

  /** Checks the numbers. */
  public ModelOptions {
    if (maxModelLen < 0 || maxTokens < 1 || maxSeqs < 1) {
      throw new IllegalArgumentException(
          "model options: expected maxModelLen >= 0, maxTokens and maxSeqs >= 1, got %d, %d, %d"
              .formatted(maxModelLen, maxTokens, maxSeqs));
    }
    if (slotsPerPage < 16 || slotsPerPage % 16 != 0) {
      throw new IllegalArgumentException(
          "model options: expected slotsPerPage to be a multiple of 16, got " + slotsPerPage);
    }
    if (kvDtype != null && !kvDtype.isFloat()) {
      throw new IllegalArgumentException(
          "model options: expected a float kvDtype, got " + kvDtype.text());
    }
  }

  /**
   * These with another precision.
   *
   * @param p the precision
   * @return new options
   */
  public ModelOptions withPrecision(Precision p) {
    return new ModelOptions(
        p,
        kvDtype,
        maxModelLen,
        maxTokens,
        maxSeqs,
        slotsPerPage,
        fromEmbeddings,
        shard,
        compile,
        lora);
  }

  /**
   * These with another dtype of keys and values.
   *
   * @param dtype a float dtype, null = as the precision says
   * @return new options
   */
  public ModelOptions withKvDtype(@Nullable DType dtype) {
    return new ModelOptions(
        precision,
        dtype,
        maxModelLen,
        maxTokens,
        maxSeqs,
        slotsPerPage,
        fromEmbeddings,
        shard,
        compile,
        lora);
  }

  /**
   * These with other limits.
   *
   * @param modelLen longest sequence, 0 = the longest the model is made for
   * @param tokens most tokens a step
   * @param seqs most sequences a step
   * @return new options
   */
  public ModelOptions withLimits(int modelLen, int tokens, int seqs) {
    return new ModelOptions(
        precision,
        kvDtype,
        modelLen,
        tokens,
        seqs,
        slotsPerPage,
        fromEmbeddings,
        shard,
        compile,
        lora);
  }

  /**
   * These with other compile options.
   *
   * @param options for the backend
   * @return new options
   */
  public ModelOptions withCompile(CompileOptions options) {
    return new ModelOptions(
        precision,
        kvDtype,
        maxModelLen,
        maxTokens,
        maxSeqs,
        slotsPerPage,
        fromEmbeddings,
        shard,
        options,
        lora);
  }

  /**
   * These for a graph that starts after the embedding lookup.
   *
   * @return new options
   */
  public ModelOptions afterEmbedding() {
    return new ModelOptions(
        precision,
        kvDtype,
        maxModelLen,
        maxTokens,
        maxSeqs,
        slotsPerPage,
        true,
        shard,
        compile,
        lora);
  }

  /**
   * These with room for adapters.
   *
   * @param room how much, and where
   * @return new options
   */
  public ModelOptions withLora(LoraSlots room) {
    return new ModelOptions(
        precision,
        kvDtype,
        maxModelLen,
        maxTokens,
        maxSeqs,
        slotsPerPage,
        fromEmbeddings,
        shard,
        compile,
        room);
  }

  /**
   * The longest sequence for a model.
   *
   * @param maxPositions what the model is made for
   * @return tokens
   */
  public int maxModelLen(int maxPositions) {
    return maxModelLen == 0 ? maxPositions : maxModelLen;
  }

  /** Dtype of activations: host backends compute in F32 whatever the weights are. */
  DType activations() {
    return DType.F32;
  }

  /** Dtype of keys and values for weights of a dtype, null for quantised ones. */
  DType kvDtype(@Nullable DType weights) {
    if (kvDtype != null) {
      return kvDtype;
    }
    return switch (precision) {
      case F32 -> DType.F32;
      case DEFAULT -> weights == DType.F32 || weights == DType.BF16 ? weights : DType.F16;
    };
  }

  /** The step's symbols for a model. */
  StepSlots slots(int maxPositions) {
    long pages = (maxModelLen(maxPositions) + slotsPerPage - 1L) / slotsPerPage;
    return StepSlots.of(maxTokens, maxSeqs, pages);
  }
}
