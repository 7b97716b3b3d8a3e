package dev.lamina.spi;

import dev.lamina.spi.ir.Node;
import dev.lamina.spi.ir.Op;
import dev.lamina.spi.ir.Value;
import dev.lamina.spi.ir.ValueType;
import java.util.List;
import java.util.stream.Collectors;

/**
 * An op with the types of its operands and results; symbols in them stand for their whole range.
 *
 * @param op the op with its attributes
 * @param operands operand types
 * @param results result types
 */
public record OpSpec(Op op, List<ValueType> operands, List<ValueType> results) {
  /** Copies the lists. */
  public OpSpec {
    operands = List.copyOf(operands);
    results = List.copyOf(results);
  }

  /**
   * The spec of a node.
   *
   * @param node a node of a graph
   * @return its op and types
   */
  public static OpSpec of(Node node) {
    return new OpSpec(
        node.op(),
        node.operands().stream().map(Value::type).toList(),
        node.results().stream().map(Value::type).toList());
  }

  @Override
  public String toString() {
    return operands.stream()
        .map(ValueType::toString)
        .collect(Collectors.joining(", ", op.mnemonic() + "(", ")"));
  }
}
