package dev.lamina.spi;

/**
 * How one op of a graph runs.
 *
 * @param op the op's mnemonic and operand types
 * @param kernel name of the kernel, or of the decomposition
 * @param support native or decomposed, with speed, exactness or reason
 * @param count how many nodes of the graph run this way
 */
public record Lowering(String op, String kernel, Support support, int count) {}
