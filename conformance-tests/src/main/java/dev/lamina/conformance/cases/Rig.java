package dev.lamina.conformance.cases;

import dev.lamina.conformance.Context;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.Buffer;
import dev.lamina.spi.Command;
import dev.lamina.spi.Device;
import dev.lamina.spi.MemoryKind;
import dev.lamina.spi.Points;
import dev.lamina.spi.Queue;
import dev.lamina.spi.Timeline;
import dev.lamina.spi.View;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/** A queue, a timeline and buffers on a device: what a case needs to run something and wait. */
final class Rig implements AutoCloseable {
  /** The device. */
  final Device device;

  /** A queue of it. */
  final Queue queue;

  /** A timeline of it, which grows by one a command. */
  final Timeline timeline;

  private final List<Buffer> buffers = new ArrayList<>();
  private long last;

  Rig(Device device) throws BackendException {
    this.device = device;
    this.queue = device.newQueue();
    try {
      this.timeline = device.newTimeline(0);
    } catch (BackendException | RuntimeException e) {
      queue.close();
      throw e;
    }
  }

  /** A buffer that is closed with this rig. */
  Buffer buffer(long bytes) throws BackendException {
    Buffer b = device.allocate(bytes, MemoryKind.DEVICE);
    buffers.add(b);
    return b;
  }

  /** A buffer with this content. */
  Buffer buffer(byte[] content) throws BackendException {
    Buffer b = buffer(content.length);
    upload(b, content);
    return b;
  }

  /** Submits a command after all before it and waits for it. */
  void run(Command command) throws BackendException {
    Points waits = last == 0 ? Points.none() : Points.of(timeline, last);
    queue.submit(waits, command, Points.of(timeline, last + 1));
    last++;
    timeline.await(last, Context.WAIT);
  }

  /** Replaces the content of a buffer. */
  void upload(Buffer buffer, byte[] content) throws BackendException {
    try (Arena arena = Arena.ofShared()) {
      MemorySegment host = arena.allocate(Math.max(1, content.length)).asSlice(0, content.length);
      MemorySegment.copy(content, 0, host, ValueLayout.JAVA_BYTE, 0, content.length);
      run(new Command.Upload(host, bytes(buffer)));
    }
  }

  /** The content of a buffer. */
  byte[] download(Buffer buffer) throws BackendException {
    try (Arena arena = Arena.ofShared()) {
      MemorySegment host = arena.allocate(Math.max(1, buffer.size())).asSlice(0, buffer.size());
      run(new Command.Download(bytes(buffer), host));
      return host.toArray(ValueLayout.JAVA_BYTE);
    }
  }

  /** A buffer as bytes. */
  static View bytes(Buffer buffer) {
    return new View(buffer, 0, TensorType.of(DType.U8, buffer.size()));
  }

  @Override
  public void close() {
    buffers.forEach(Buffer::close);
    timeline.close();
    queue.close();
  }
}
