package dev.lamina.spi.ir;

import java.util.List;
import java.util.Locale;

/**
 * An operator with its attributes, without its operands.
 *
 * <p>Every op is a record. {@link CoreOp}s are mandatory for a backend; a {@link CompositeOp} has a
 * decomposition into core ops, so a backend may leave it out.
 */
public sealed interface Op permits CoreOp, CompositeOp {
  /**
   * Types of the results for operands of these types.
   *
   * @param operands types in operand order
   * @return types in result order
   * @throws GraphException if number, dtypes or shapes of the operands do not fit
   */
  List<ValueType> infer(List<ValueType> operands);

  /**
   * Name in graph text: the record's name in snake case.
   *
   * @return such as {@code paged_attention}
   */
  default String mnemonic() {
    return mnemonicOf(getClass());
  }

  /**
   * Name of an op class in graph text.
   *
   * @param type a record class that implements {@link Op}
   * @return such as {@code rms_norm}
   */
  static String mnemonicOf(Class<?> type) {
    return type.getSimpleName().replaceAll("(?<=[a-z])(?=[A-Z])", "_").toLowerCase(Locale.ROOT);
  }
}
