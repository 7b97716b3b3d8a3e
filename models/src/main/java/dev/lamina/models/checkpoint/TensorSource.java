package dev.lamina.models.checkpoint;

import dev.lamina.spi.ir.Shape;
import java.util.List;
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

  /** Unmaps the files; idempotent. */
  @Override
  void close();
}
