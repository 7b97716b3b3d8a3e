package dev.lamina.backend.cuda.driver;

import java.util.Optional;

/**
 * A way to reach NVIDIA's driver other than {@code java.lang.foreign}, which this module brings.
 * The property {@code lamina.cuda.binding} (or {@code LAMINA_CUDA_BINDING} in the environment)
 * names the one that is used; it is found as a service and asked for nothing unless it is named.
 */
public interface DriverBinding {
  /**
   * What the property calls it.
   *
   * @return one word
   */
  String name();

  /**
   * Loads the driver's library and calls nothing.
   *
   * @return empty if there is no driver on this system
   * @throws CudaException unsupported, if the binding's own libraries are not there or don't load
   */
  Optional<Driver> open() throws CudaException;
}
