package dev.lamina.scheduler;

import dev.lamina.spi.BackendException;
import dev.lamina.spi.Buffer;
import dev.lamina.spi.Device;
import dev.lamina.spi.MemoryKind;
import dev.lamina.spi.View;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.TensorType;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Tensors of a step that lie side by side in one buffer of the device, so that one copy brings them
 * all. A place stays while its tensor fits, so that what was bound, and captured, stays.
 */
abstract class StepMemory implements AutoCloseable {
  private final Device device;
  private final List<StepBuffer> parts = new ArrayList<>();
  private @Nullable Buffer buffer;
  private boolean outgrown;

  StepMemory(Device device) {
    this.device = device;
  }

  /** A tensor behind those that were added before. */
  StepBuffer add(TensorType type) {
    StepBuffer part = new StepBuffer(this, type);
    parts.add(part);
    return part;
  }

  Device device() {
    return device;
  }

  List<StepBuffer> parts() {
    return parts;
  }

  /** A part wants more room than it has: all of them move before any is used again. */
  void outgrow() {
    outgrown = true;
  }

  /** Gives every part its room; the content is lost where it has to move. */
  Buffer make() throws BackendException {
    Buffer current = buffer;
    if (current != null && !outgrown) {
      return current;
    }
    long alignment = Math.max(64, device.info().limits().alignmentBytes());
    long bytes = 0;
    for (StepBuffer part : parts) {
      bytes = (bytes + alignment - 1) / alignment * alignment;
      part.place(bytes);
      bytes += part.capacity();
    }
    release();
    boolean shared = device.info().memory().sharedWithHost();
    Buffer moved =
        device.allocate(Math.max(1, bytes), shared ? MemoryKind.SHARED : MemoryKind.DEVICE);
    buffer = moved;
    for (StepBuffer part : parts) {
      part.bind(new View(moved, part.offset(), part.type()));
    }
    outgrown = false;
    moved(moved);
    return moved;
  }

  /** The device's memory goes once what was submitted is past it. */
  private void release() {
    if (buffer != null) {
      buffer.close();
      buffer = null;
    }
  }

  /** The memory is another now. */
  abstract void moved(Buffer made) throws BackendException;

  /** Bytes of the device's memory as a tensor. */
  static View bytes(Buffer of, long begin, long end) {
    return new View(of, begin, TensorType.of(DType.U8, end - begin));
  }

  @Override
  public void close() {
    release();
  }
}
