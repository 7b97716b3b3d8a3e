package dev.lamina.models;

/**
 * A projection with a part for adapters: {@code y += B (A x)}, where only the rows of A that belong
 * to the token's adapter count.
 *
 * @param name the checkpoint's name of the projection, without {@code .weight}
 * @param inputA graph input of A, F32 {@code [slots * rank, in]}
 * @param inputB graph input of B, F32 {@code [out, slots * rank]}
 * @param in width of x
 * @param out width of y
 */
public record LoraModule(String name, String inputA, String inputB, long in, long out) {}
