package dev.lamina.spi.ir;

import java.util.List;

/**
 * One application of an op.
 *
 * @param op the op with its attributes
 * @param operands values it reads
 * @param results values it defines
 */
public record Node(Op op, List<Value> operands, List<Value> results) {
  /** Copies the lists. */
  public Node {
    operands = List.copyOf(operands);
    results = List.copyOf(results);
  }

  /**
   * The only result.
   *
   * @return the value
   * @throws GraphException if the op has several
   */
  public Value result() {
    if (results.size() != 1) {
      throw new GraphException(op.mnemonic() + ": expected one result, got " + results.size());
    }
    return results.getFirst();
  }
}
