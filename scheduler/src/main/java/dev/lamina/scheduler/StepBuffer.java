package dev.lamina.scheduler;

import dev.lamina.spi.BackendException;
import dev.lamina.spi.Buffer;
import dev.lamina.spi.Command;
import dev.lamina.spi.Device;
import dev.lamina.spi.MemoryKind;
import dev.lamina.spi.View;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.TensorType;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A tensor that host and device exchange every step. Where both address the same memory there is
 * one buffer and nothing to copy, else a pinned twin on the host.
 */
final class StepBuffer implements AutoCloseable {
  private final Device device;
  private final TensorType type;
  private @Nullable Buffer buffer;
  private @Nullable Buffer staging;
  private @Nullable View view;
  private MemorySegment host = MemorySegment.NULL;
  private Command.@Nullable Upload upload;
  private Command.@Nullable Download download;

  /**
   * @param type dtype and shape; symbols take the values of each run
   */
  StepBuffer(Device device, TensorType type) {
    this.device = device;
    this.type = type;
  }

  /** Makes room for {@code bytes}; the content is lost when the buffer has to move. */
  void ensure(long bytes) throws BackendException {
    if (buffer != null && buffer.size() >= bytes) {
      return;
    }
    long grown = buffer == null ? bytes : Math.max(bytes, 2 * buffer.size());
    close();
    boolean shared = device.info().memory().sharedWithHost();
    Buffer moved = device.allocate(grown, shared ? MemoryKind.SHARED : MemoryKind.DEVICE);
    buffer = moved;
    view = new View(moved, 0, type);
    if (moved.host().isPresent()) {
      host = moved.host().get();
      return;
    }
    Buffer twin = device.allocate(grown, MemoryKind.PINNED_HOST);
    staging = twin;
    host =
        twin.host()
            .orElseThrow(() -> new IllegalStateException("PINNED_HOST: expected a host segment"));
    View bytesView = new View(moved, 0, TensorType.of(DType.U8, grown));
    upload = new Command.Upload(host, bytesView);
    download = new Command.Download(bytesView, host);
  }

  /** What the host reads and writes. */
  MemorySegment host() {
    return host;
  }

  /** What is bound; another object once the buffer has moved. */
  View view() {
    View current = view;
    if (current == null) {
      throw new IllegalStateException("step buffer " + type + ": ensure() comes first");
    }
    return current;
  }

  TensorType type() {
    return type;
  }

  /** Puts what the host wrote where the device reads it. */
  void upload(StepQueue queue) throws BackendException {
    if (upload != null) {
      queue.submit(upload);
    }
  }

  /** Puts what the device wrote where the host reads it, once the queue is awaited. */
  void download(StepQueue queue) throws BackendException {
    if (download != null) {
      queue.submit(download);
    }
  }

  @Override
  public void close() {
    if (staging != null) {
      staging.close();
      staging = null;
    }
    if (buffer != null) {
      buffer.close();
      buffer = null;
    }
    view = null;
    upload = null;
    download = null;
    host = MemorySegment.NULL;
  }
}
