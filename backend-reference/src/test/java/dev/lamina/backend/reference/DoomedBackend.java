package dev.lamina.backend.reference;

import dev.lamina.backend.sdk.Expr;
import dev.lamina.backend.sdk.HostBackend;
import dev.lamina.backend.sdk.HostDevice;
import dev.lamina.backend.sdk.Kernel;
import dev.lamina.backend.sdk.KernelChoice;
import dev.lamina.backend.sdk.KernelProvider;
import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.BackendOptions;
import dev.lamina.spi.BackendProvider;
import dev.lamina.spi.DeviceInfo;
import dev.lamina.spi.OpSpec;
import dev.lamina.spi.ProbeResult;
import dev.lamina.spi.SpiVersion;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.locks.LockSupport;

/** The reference backend with one op whose kernel takes the process with it, or never returns. */
public abstract class DoomedBackend implements BackendProvider {
  private final BackendProvider right = new ReferenceBackendProvider();

  /** What the kernel does for operands of its choice. */
  abstract void strike(OpSpec spec);

  private static boolean isVictim(OpSpec spec) {
    return spec.toString().equals("argmax(f32[5,257])");
  }

  /** The segmentation fault of a native library, at argmax over rows of 257. */
  public static final class Crashing extends DoomedBackend {
    @Override
    @SuppressWarnings("restricted")
    void strike(OpSpec spec) {
      if (isVictim(spec)) {
        MemorySegment.ofAddress(8).reinterpret(8).set(ValueLayout.JAVA_LONG, 0, 1);
      }
    }
  }

  /** A kill from outside, such as the system's for want of memory, in the middle of a submit. */
  public static final class Killed extends DoomedBackend {
    @Override
    void strike(OpSpec spec) {
      if (isVictim(spec)) {
        String self = Long.toString(ProcessHandle.current().pid());
        try {
          new ProcessBuilder("kill", "-KILL", self).inheritIO().start();
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
        // Until it comes.
        boolean waits = true;
        while (waits) {
          LockSupport.park();
        }
      }
    }
  }

  /** A wait without end. */
  public static final class Waiting extends DoomedBackend {
    @Override
    void strike(OpSpec spec) {
      boolean strikes = isVictim(spec);
      while (strikes) {
        LockSupport.park();
      }
    }
  }

  /** A loop without end. */
  public static final class Looping extends DoomedBackend {
    @Override
    void strike(OpSpec spec) {
      boolean strikes = isVictim(spec);
      while (strikes) {
        Thread.onSpinWait();
      }
    }
  }

  @Override
  public String id() {
    return "doomed";
  }

  @Override
  public SpiVersion builtFor() {
    return right.builtFor();
  }

  @Override
  public int preference() {
    return -1;
  }

  @Override
  public ProbeResult probe() {
    return right.probe();
  }

  @Override
  public Backend open(BackendOptions options) throws BackendException {
    DeviceInfo info = ((ProbeResult.Available) probe()).devices().getFirst();
    return new HostBackend(info, () -> new HostDevice(info, new Kernels(), () -> {}));
  }

  private final class Kernels implements KernelProvider {
    private final KernelProvider kernels = new ReferenceKernels();

    @Override
    public KernelChoice choose(OpSpec spec) {
      KernelChoice choice = kernels.choose(spec);
      return new KernelChoice(
          choice.name(),
          choice.support(),
          choice.strided(),
          node -> {
            Kernel kernel = choice.kernel().apply(node);
            return args -> {
              strike(spec);
              kernel.run(args);
            };
          });
    }

    @Override
    public Kernel elementwise(Expr expr) {
      return kernels.elementwise(expr);
    }
  }
}
