package dev.lamina.backend.jcuda;

import dev.lamina.backend.cuda.driver.CudaException;
import dev.lamina.backend.cuda.driver.Driver;
import dev.lamina.backend.cuda.driver.DriverBinding;
import dev.lamina.backend.cuda.driver.FfmDriver;
import java.util.Optional;

/** Chosen by {@code lamina.cuda.binding=jcuda}. */
public final class JcudaBinding implements DriverBinding {
  /** Called by the service loader; touches no class of JCuda's. */
  public JcudaBinding() {}

  @Override
  public String name() {
    return JcudaDriver.NAME;
  }

  /**
   * {@inheritDoc}
   *
   * <p>JCuda unpacks its native library into {@code java.io.tmpdir} at the first call of a process.
   */
  @Override
  public Optional<Driver> open() throws CudaException {
    // Linked against libcuda, JCuda's library does not load where there is none.
    if (FfmDriver.open().isEmpty()) {
      return Optional.empty();
    }
    try {
      return Optional.of(JcudaDriver.load());
    } catch (LinkageError e) {
      throw CudaException.unsupported(JcudaDriver.NAME, notLoaded(e));
    }
  }

  static String notLoaded(LinkageError e) {
    String reason = e.toString().lines().findFirst().orElseThrow();
    return "lamina.cuda.binding=jcuda: expected JCuda 12.6 to load, got %s; put jcuda-12.6.0.jar and jcuda-natives-12.6.0-linux-x86_64.jar on the class path"
        .formatted(reason);
  }
}
