package dev.lamina.conformance.cases;

import dev.lamina.conformance.Context;
import dev.lamina.conformance.Outcome;
import dev.lamina.conformance.oracle.Comparison;
import dev.lamina.conformance.oracle.Elements;
import dev.lamina.conformance.oracle.RefTensor;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.Bindings;
import dev.lamina.spi.Buffer;
import dev.lamina.spi.Command;
import dev.lamina.spi.Device;
import dev.lamina.spi.DeviceInfo;
import dev.lamina.spi.View;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Layout;
import dev.lamina.spi.ir.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;

/**
 * Buffers of gigabytes of which a few elements are written and a few read, so that memory which the
 * system gives page by page at first touch costs next to nothing.
 */
final class FarRun implements AutoCloseable {
  /** What stands between a huge tensor and the ends of its buffer. */
  static final int GUARD = 64;

  private final Rig rig;

  FarRun(Device device) throws BackendException {
    rig = new Rig(device);
  }

  /**
   * The outcome of a case that the device has too little memory for, empty if it has enough.
   *
   * @param bytes of all buffers together
   * @param largest bytes of one
   */
  static Optional<Outcome> tooLittle(Context context, long bytes, long largest)
      throws BackendException {
    DeviceInfo info = context.info();
    long free = info.memory().freeBytes();
    long most = info.limits().maxAllocationBytes();
    if (free >= bytes && most >= largest) {
      return Optional.empty();
    }
    return Optional.of(
        Outcome.unsupported(
            "the case needs %d MiB, of these %d MiB in one piece; %s has %d MiB free and gives %d MiB a piece"
                .formatted(bytes >> 20, largest >> 20, info.name(), free >> 20, most >> 20)));
  }

  /** A buffer that is closed with this run. */
  Buffer buffer(long bytes) throws BackendException {
    return rig.buffer(bytes);
  }

  /** A small tensor, dense, in a buffer of its own. */
  View dense(RefTensor content) throws BackendException {
    TensorType type = TensorType.of(content.dtype(), content.sizes());
    return write(buffer(type.byteSize() + 1), 0, type, content);
  }

  /** Writes the elements of a strided or dense tensor that begins at a byte offset. */
  View write(Buffer buffer, long offset, TensorType type, RefTensor content)
      throws BackendException {
    int width = type.dtype().bytes();
    int run = runOf(type, content.sizes());
    byte[] bytes = new byte[run * width];
    for (int i = 0; i < content.count(); i += run) {
      for (int j = 0; j < run; j++) {
        Elements.write(bytes, j * width, type.dtype(), content.bits(i + j));
      }
      upload(buffer, offset + position(type, content.sizes(), i) * width, bytes);
    }
    return new View(buffer, offset, type);
  }

  /** Elements that lie side by side. */
  private static int runOf(TensorType type, long[] sizes) {
    int last = sizes.length - 1;
    boolean together = !(type.layout() instanceof Layout.Strided s) || s.strides().get(last) == 1;
    return together ? (int) sizes[last] : 1;
  }

  /** Where an element lies, in elements. */
  private static long position(TensorType type, long[] sizes, int flat) {
    long rest = flat;
    long position = 0;
    long dense = 1;
    for (int axis = sizes.length - 1; axis >= 0; axis--) {
      long stride = type.layout() instanceof Layout.Strided s ? s.strides().get(axis) : dense;
      position += rest % sizes[axis] * stride;
      rest /= sizes[axis];
      dense *= sizes[axis];
    }
    return position;
  }

  void upload(Buffer buffer, long offset, byte[] bytes) throws BackendException {
    try (Arena arena = Arena.ofShared()) {
      MemorySegment host = arena.allocate(bytes.length);
      MemorySegment.copy(bytes, 0, host, ValueLayout.JAVA_BYTE, 0, bytes.length);
      rig.run(new Command.Upload(host, bytes(buffer, offset, bytes.length)));
    }
  }

  byte[] download(Buffer buffer, long offset, int length) throws BackendException {
    try (Arena arena = Arena.ofShared()) {
      MemorySegment host = arena.allocate(length);
      rig.run(new Command.Download(bytes(buffer, offset, length), host));
      return host.toArray(ValueLayout.JAVA_BYTE);
    }
  }

  /** Bytes of a buffer. */
  static View bytes(Buffer buffer, long offset, long length) {
    return new View(buffer, offset, TensorType.of(DType.U8, length));
  }

  /** Elements that lie side by side. */
  long[] read(Buffer buffer, long offset, DType dtype, int count) throws BackendException {
    byte[] bytes = download(buffer, offset, count * dtype.bytes());
    long[] bits = new long[count];
    for (int i = 0; i < count; i++) {
      bits[i] = Elements.read(bytes, i * dtype.bytes(), dtype);
    }
    return bits;
  }

  /** Compares a small dense output, guards included. */
  double check(String name, RefTensor expected, HostImage image, Buffer buffer)
      throws BackendException {
    byte[] memory = rig.download(buffer);
    image.checkGuards(name, memory);
    return Comparison.check(name, expected, image.read(memory), false);
  }

  /** A buffer with this content. */
  Buffer buffer(byte[] content) throws BackendException {
    return rig.buffer(content);
  }

  /** Runs and waits. */
  void run(dev.lamina.spi.Executable executable, Bindings bindings) throws BackendException {
    rig.run(new Command.Run(executable, bindings));
  }

  /** Runs and waits. */
  void run(Command command) throws BackendException {
    rig.run(command);
  }

  @Override
  public void close() {
    rig.close();
  }
}
