package dev.lamina.models.checkpoint;

import dev.lamina.spi.ir.Layout;
import dev.lamina.spi.ir.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A tensor of a checkpoint, as the IR takes it: in place where the IR knows its format, else
 * converted at first use. Thread-safe.
 */
public final class StoredTensor {
  private final String name;
  private final TensorType type;
  private final String format;
  private final long storedBytes;
  private final Supplier<MemorySegment> source;
  private final String origin;
  private final @Nullable Reordered reordered;
  private @Nullable MemorySegment data;

  /**
   * A matrix with its columns in another order, in which it takes less memory.
   *
   * @param matrix of the same shape
   * @param order I32 {@code [K]}: of each of its columns the number that it has in the checkpoint
   */
  public record Reordered(StoredTensor matrix, StoredTensor order) {}

  private StoredTensor(
      String name,
      TensorType type,
      String format,
      long storedBytes,
      Supplier<MemorySegment> source,
      String origin,
      @Nullable Reordered reordered) {
    this.name = name;
    this.type = type;
    this.format = format;
    this.storedBytes = storedBytes;
    this.source = source;
    this.origin = origin;
    this.reordered = reordered;
  }

  /**
   * A tensor that is used where it lies.
   *
   * @param name its name
   * @param type element type, shape and layout; all dims constant
   * @param data its bytes, little-endian, off the heap, valid until the source is closed
   * @param origin file that holds it, for messages
   */
  public StoredTensor(String name, TensorType type, MemorySegment data, String origin) {
    this(name, type, format(type), data.byteSize(), () -> data, origin, null);
    if (data.byteSize() != type.byteSize()) {
      throw new IllegalArgumentException(
          "tensor %s: expected %d bytes for %s, got %d in %s"
              .formatted(name, type.byteSize(), type, data.byteSize(), origin));
    }
    this.data = data;
  }

  /**
   * A tensor that lies in the file in another form than it is used in.
   *
   * @param name its name
   * @param type element type, shape and layout in use; all dims constant
   * @param format what to call the form in the file
   * @param storedBytes its size in the file
   * @param source makes the bytes in use, off the heap, valid until the source is closed; asked
   *     once, at first use
   * @param origin file that holds it, for messages
   * @return the tensor
   */
  public static StoredTensor converted(
      String name,
      TensorType type,
      String format,
      long storedBytes,
      Supplier<MemorySegment> source,
      String origin) {
    return new StoredTensor(name, type, format, storedBytes, source, origin, null);
  }

  /**
   * The same tensor, which may also be had with its columns in another order.
   *
   * @param other that form of it
   * @return the tensor; its own bytes are made only if they are asked for
   */
  public StoredTensor orReordered(Reordered other) {
    return new StoredTensor(name, type, format, storedBytes, source, origin, other);
  }

  /**
   * Its other form, for those that can put what they multiply into that order.
   *
   * @return null if there is none
   */
  public @Nullable Reordered reordered() {
    return reordered;
  }

  private static String format(TensorType type) {
    return type.layout() instanceof Layout.Blocked b ? b.format().text() : type.dtype().text();
  }

  /**
   * Its name in the checkpoint.
   *
   * @return by the spelling of transformers, whatever the file's own
   */
  public String name() {
    return name;
  }

  /**
   * How it is used.
   *
   * @return element type, shape and layout
   */
  public TensorType type() {
    return type;
  }

  /**
   * How it lies in the file.
   *
   * @return such as {@code bf16} or {@code q4_k}
   */
  public String format() {
    return format;
  }

  /**
   * Its size in the file.
   *
   * @return bytes
   */
  public long storedBytes() {
    return storedBytes;
  }

  /**
   * Its bytes as {@link #type} says; the first call may have to convert them.
   *
   * @return little-endian, off the heap, valid until the source is closed
   */
  public synchronized MemorySegment data() {
    MemorySegment made = data;
    if (made == null) {
      made = source.get();
      data = made;
    }
    return made;
  }

  /**
   * Its bytes as {@link #type} says, for one use: what has to be converted for it is not kept.
   *
   * @return little-endian, off the heap, valid until the source is closed
   */
  public synchronized MemorySegment unkeptData() {
    return data == null ? source.get() : data;
  }

  /**
   * File that holds it.
   *
   * @return a name for messages
   */
  public String origin() {
    return origin;
  }

  /**
   * Number of (decoded) elements.
   *
   * @return the product of the dims
   */
  public long elements() {
    return type.shape().elements();
  }

  @Override
  public String toString() {
    return name + " " + format + type.shape();
  }
}
