package dev.lamina.scheduler;

/**
 * What the scheduler must know of a model.
 *
 * @param vocabSize token ids are below this
 * @param maxModelLen longest context, prompt and output
 * @param eosTokenIds ids that end a request unless it says {@code ignoreEos}; not copied
 */
public record ModelLimits(int vocabSize, int maxModelLen, int[] eosTokenIds) {}
