package dev.lamina;

/**
 * What an open model is.
 *
 * @param name the folder's or shape's name
 * @param modelType its {@code model_type}
 * @param backend id and ordinal of its device
 * @param device the device's name
 * @param vocabSize rows of its head
 * @param maxModelLen longest context, prompt and output
 * @param kvCapacityTokens tokens its KV pool holds
 */
public record ModelInfo(
    String name,
    String modelType,
    String backend,
    String device,
    int vocabSize,
    int maxModelLen,
    long kvCapacityTokens) {}
