package dev.lamina.scheduler;

import dev.lamina.spi.BackendException;
import dev.lamina.spi.Bindings;
import dev.lamina.spi.Command;
import dev.lamina.spi.Executable;
import dev.lamina.spi.View;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** An executable with its reusable arguments: dims by symbol, buffers that may have moved. */
final class Program {
  final Executable executable;
  final Bindings bindings;
  private final Command.Run run;
  private final @Nullable StepBuffer[] buffers;
  private final @Nullable View[] bound;
  private final long[] dims;

  Program(Executable executable) {
    this.executable = executable;
    this.bindings = executable.newBindings();
    this.run = new Command.Run(executable, bindings);
    this.buffers = new StepBuffer[executable.slots().size()];
    this.bound = new View[buffers.length];
    this.dims = new long[executable.dims().syms().size()];
    Arrays.fill(dims, 1);
  }

  /** Which buffer a slot is bound to; bound when it next runs. */
  void buffer(int slot, StepBuffer buffer) {
    buffers[slot] = buffer;
  }

  /** What a slot is bound to. */
  StepBuffer bufferOf(int slot) {
    StepBuffer buffer = buffers[slot];
    if (buffer == null) {
      throw new IllegalArgumentException(
          "step: expected a buffer in slot '%s', got none".formatted(executable.slots().get(slot)));
    }
    return buffer;
  }

  /** Position of a symbol, -1 if the executable does not have it. */
  int dim(String name) {
    return executable.dims().indexOf(name);
  }

  /** Sets a symbol's wanted value, before {@link #bucket}. */
  void want(int dim, long value) {
    if (dim >= 0) {
      dims[dim] = value;
    }
  }

  /** Rounds the wanted values up to those the executable prefers. */
  void bucket() {
    executable.bucket(dims);
  }

  long value(int dim) {
    return dims[dim];
  }

  /** Binds a symbol's value for the next run. */
  void bind(int dim, long value) throws BackendException {
    if (dim >= 0) {
      dims[dim] = value;
      bindings.dim(dim, value);
    }
  }

  /** Room for the largest tensors of a buffer's type under the bound symbols. */
  void ensure(StepBuffer buffer) throws BackendException {
    long bytes = buffer.type().dtype().bytes();
    for (int axis = 0; axis < buffer.type().shape().rank(); axis++) {
      bytes *= executable.dims().resolve(buffer.type().shape().dim(axis), dims);
    }
    buffer.ensure(Math.max(bytes, 1));
  }

  void submit(StepQueue queue) throws BackendException {
    for (int slot = 0; slot < buffers.length; slot++) {
      StepBuffer buffer = buffers[slot];
      if (buffer != null && bound[slot] != buffer.view()) {
        bindings.tensor(slot, buffer.view());
        bound[slot] = buffer.view();
      }
    }
    queue.submit(run);
  }
}
