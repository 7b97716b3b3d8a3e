package dev.lamina.models.checkpoint;

import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Shape;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The tensors of a checkpoint by name. Closing it unmaps them: every weight that shares one must be
 * closed by then. Safe for many threads.
 */
public interface TensorSource extends AutoCloseable {
  /**
   * Where the tensors come from, for messages.
   *
   * @return a file or folder name
   */
  String origin();

  /**
   * All tensors, in the order of the file or files.
   *
   * @return an immutable list
   */
  List<StoredTensor> tensors();

  /**
   * Finds a tensor.
   *
   * @param name its name in the checkpoint
   * @return the tensor, null if there is none
   */
  @Nullable StoredTensor find(String name);

  /**
   * Finds a tensor that the model needs in some shape; a source that makes its tensors up makes it
   * so.
   *
   * @param name its name in the checkpoint
   * @param needed the shape the model needs, which the tensor found need not have
   * @return the tensor, null if there is none
   */
  default @Nullable StoredTensor find(String name, Shape needed) {
    return find(name);
  }

  /**
   * The dtype that most bytes of the weights are of.
   *
   * @return a plain dtype, null if most are quantised
   */
  default @Nullable DType weightsDtype() {
    Map<DType, Long> bytes = new EnumMap<>(DType.class);
    long blocked = 0;
    for (StoredTensor t : tensors()) {
      if (t.format().equals(t.type().dtype().text())) {
        bytes.merge(t.type().dtype(), t.storedBytes(), Long::sum);
      } else {
        blocked += t.storedBytes();
      }
    }
    DType most = null;
    long count = blocked;
    for (Map.Entry<DType, Long> e : bytes.entrySet()) {
      if (e.getValue() > count) {
        most = e.getKey();
        count = e.getValue();
      }
    }
    return most;
  }

  /** Unmaps the files; idempotent. */
  @Override
  void close();
}
