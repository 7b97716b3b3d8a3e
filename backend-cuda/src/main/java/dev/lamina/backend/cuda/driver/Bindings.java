package dev.lamina.backend.cuda.driver;

import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.TreeSet;

/** Chooses the binding that {@code lamina.cuda.binding} names; {@code ffm} if none is named. */
final class Bindings {
  private Bindings() {}

  /**
   * The driver of this system through the binding that this process's properties and environment
   * name.
   *
   * @return empty if the driver's library is not there
   * @throws CudaException unsupported, if the binding is unknown or does not load
   */
  static Optional<Driver> open() throws CudaException {
    String name = KernelSettings.text(System.getProperties(), System.getenv(), "binding");
    return name == null || name.equals(FfmDriver.NAME) ? FfmDriver.open() : open(name, found());
  }

  private static List<DriverBinding> found() {
    return ServiceLoader.load(DriverBinding.class, DriverBinding.class.getClassLoader()).stream()
        .map(ServiceLoader.Provider::get)
        .toList();
  }

  static Optional<Driver> open(String name, List<DriverBinding> others) throws CudaException {
    TreeSet<String> names = new TreeSet<>(List.of(FfmDriver.NAME));
    for (DriverBinding binding : others) {
      if (binding.name().equals(name)) {
        return binding.open();
      }
      names.add(binding.name());
    }
    throw CudaException.unsupported(
        "binding",
        "lamina.cuda.binding: expected one of %s, got '%s'; put the binding's jars on the class path (LAMINA_BACKENDS), or leave the setting out"
            .formatted(String.join(", ", names), name));
  }
}
