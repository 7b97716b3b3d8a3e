package dev.lamina.spi.ir;

/**
 * An SSA value: defined once, by a graph input or a node.
 *
 * @param id 0-based and unique in its graph
 * @param type tensor or state type
 */
public record Value(int id, ValueType type) {
  /**
   * The type of a tensor value.
   *
   * @return the type
   * @throws GraphException if this is a state
   */
  public TensorType tensor() {
    return switch (type) {
      case TensorType t -> t;
      case StateType s -> throw new GraphException("%" + id + ": expected a tensor, got " + s);
    };
  }

  /**
   * The shape of a tensor value.
   *
   * @return the shape
   */
  public Shape shape() {
    return tensor().shape();
  }

  /**
   * The dtype of a tensor value.
   *
   * @return the dtype
   */
  public DType dtype() {
    return tensor().dtype();
  }

  @Override
  public String toString() {
    return "%" + id + ": " + type;
  }
}
