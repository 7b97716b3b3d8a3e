package dev.lamina.models;

import dev.lamina.spi.BackendException;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.Device;
import dev.lamina.spi.Executable;
import dev.lamina.spi.ir.Graph;
import org.jspecify.annotations.Nullable;

/**
 * A graph that a device compiles on a thread of its own, while others bring it the weights: where
 * kernels have to be compiled, too, that takes as long as the weights of a small model, or longer.
 */
final class GraphCompilation {
  private final Thread thread;
  private @Nullable Executable executable;
  private @Nullable Throwable failure;

  /** Begins. */
  GraphCompilation(Device device, Graph graph, CompileOptions options) {
    thread =
        Thread.ofPlatform()
            .daemon()
            .name("lamina-compile")
            .start(() -> compile(device, graph, options));
  }

  private void compile(Device device, Graph graph, CompileOptions options) {
    try {
      executable = device.compile(graph, options);
    } catch (BackendException | RuntimeException | Error e) {
      failure = e;
    }
  }

  /**
   * Waits for the result.
   *
   * @throws BackendException if the device refuses the graph
   */
  Executable await() throws BackendException {
    WeightLoader.join(thread);
    if (failure != null) {
      throw WeightLoader.rethrown(failure);
    }
    if (executable == null) {
      throw new AssertionError("compiled neither well nor badly");
    }
    return executable;
  }

  /** Waits, and closes what came of it, as something else went wrong. */
  void abandon(Throwable cause) {
    WeightLoader.join(thread);
    if (executable != null) {
      executable.close();
    } else if (failure != null && failure != cause) {
      cause.addSuppressed(failure);
    }
  }
}
