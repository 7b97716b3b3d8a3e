package dev.lamina.conformance.cases;

import dev.lamina.spi.BackendException;
import dev.lamina.spi.Buffer;
import dev.lamina.spi.Command;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.Device;
import dev.lamina.spi.Executable;
import dev.lamina.spi.View;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** Other work on a device, on queues and threads of its own, until it is closed. */
final class Load implements AutoCloseable {
  private static final int SIZE = 40;

  private final List<Thread> threads = new ArrayList<>();
  private final AtomicReference<@Nullable Exception> failure = new AtomicReference<>();
  private volatile boolean over;

  Load(Device device, int count) {
    for (int i = 0; i < count; i++) {
      threads.add(Thread.ofPlatform().daemon().name("load-" + i).start(() -> work(device)));
    }
  }

  private void work(Device device) {
    try (Rig rig = new Rig(device);
        Executable e = device.compile(graph(), CompileOptions.DEFAULT)) {
      TensorType type = TensorType.of(DType.F32, SIZE, SIZE);
      Buffer a = rig.buffer(new byte[SIZE * SIZE * 4]);
      Buffer y = rig.buffer(SIZE * SIZE * 4);
      Command run =
          new Command.Run(
              e, e.newBindings().tensor(0, new View(a, 0, type)).tensor(1, new View(y, 0, type)));
      while (!over) {
        rig.run(run);
        // Memory that comes and goes, so that nothing finds its old place untouched.
        try (Rig other = new Rig(device)) {
          other.buffer(new byte[SIZE]);
        }
      }
    } catch (BackendException | RuntimeException e) {
      failure.compareAndSet(null, e);
    }
  }

  private static Graph graph() {
    Ops g = new Ops("load");
    Value a = g.tensor("a", TensorType.of(DType.F32, SIZE, SIZE));
    g.output("y", g.matmul(a, a, true, DType.F32));
    return g.build();
  }

  /** Whether it has not failed; close says why if it has. */
  boolean works() {
    return failure.get() == null;
  }

  /** Stops, and fails if the other work failed. */
  @Override
  public void close() throws BackendException {
    over = true;
    try {
      for (Thread t : threads) {
        t.join();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    Exception e = failure.get();
    if (e instanceof BackendException b) {
      throw b;
    }
    if (e instanceof RuntimeException r) {
      throw r;
    }
  }
}
