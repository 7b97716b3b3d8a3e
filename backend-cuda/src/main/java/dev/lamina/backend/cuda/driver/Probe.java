package dev.lamina.backend.cuda.driver;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Looks for NVIDIA GPUs: whether the driver's library is there, works and is new enough, and what
 * the GPUs are. Makes no context and allocates nothing on a device. Without the library it costs
 * one attempt of the system's loader.
 */
public sealed interface Probe {
  /** The oldest driver that has every function used: 1000 times the major version. */
  int MIN_DRIVER_VERSION = 12_000;

  /** The oldest GPUs that the kernels are compiled for: compute capability 8.0. */
  int MIN_SM = 80;

  /**
   * GPUs that can be opened.
   *
   * @param driver initialized
   * @param driverVersion 1000 times the major version of CUDA and 10 times the minor
   * @param devices at least one, each of {@link #MIN_SM} or newer
   */
  record Available(Driver driver, int driverVersion, List<DeviceFacts> devices) implements Probe {
    /** Copies the list. */
    public Available {
      devices = List.copyOf(devices);
    }
  }

  /**
   * No driver or no GPU.
   *
   * @param why one line
   */
  record Absent(String why) implements Probe {}

  /**
   * A driver or a GPU that can't be used.
   *
   * @param why one line, with what to do
   * @param cause what the driver reported, if anything
   */
  record Broken(String why, @Nullable CudaException cause) implements Probe {}

  /**
   * Looks at this system through the binding that {@code lamina.cuda.binding} names, {@code
   * java.lang.foreign} if it names none.
   *
   * @return what is there
   */
  static Probe run() {
    try {
      return run(Bindings.open(), DeviceFiles.LINUX);
    } catch (CudaException e) {
      return new Broken("cuda: " + e.getMessage(), e);
    }
  }

  /**
   * The same through another binding.
   *
   * @param driver the binding; empty if its library is not there
   * @param files of NVIDIA's kernel module
   * @return what is there
   */
  static Probe run(Optional<Driver> driver, DeviceFiles files) {
    if (driver.isEmpty()) {
      return new Absent(
          "cuda: %s is not there%s"
              .formatted(
                  FfmDriver.sonames().getFirst(),
                  files.moduleLoaded()
                      ? ", though NVIDIA's kernel module is loaded; in a container, start it with its GPUs (--gpus all)"
                      : "; NVIDIA's driver brings it"));
    }
    try {
      return look(driver.get(), files);
    } catch (CudaException e) {
      return new Broken("cuda: " + e.getMessage(), e);
    }
  }

  private static Probe look(Driver driver, DeviceFiles files) throws CudaException {
    int version = driver.driverVersion();
    if (version != 0 && version < MIN_DRIVER_VERSION) {
      return new Broken(
          "cuda: expected a driver of CUDA 12.0 or newer, got one of CUDA %d.%d; update NVIDIA's driver"
              .formatted(version / 1000, version % 1000 / 10),
          null);
    }
    try {
      driver.init();
    } catch (CudaException e) {
      return notInitialized(e, files);
    }
    int count = driver.deviceCount();
    if (count == 0) {
      return noDevice();
    }
    return sort(driver, version, count);
  }

  private static Probe noDevice() {
    return new Absent(
        "cuda: the driver finds no GPU; CUDA_VISIBLE_DEVICES is %s"
            .formatted(
                System.getenv("CUDA_VISIBLE_DEVICES") == null
                    ? "not set"
                    : "'" + System.getenv("CUDA_VISIBLE_DEVICES") + "'"));
  }

  private static Probe notInitialized(CudaException e, DeviceFiles files) {
    Optional<Path> locked = files.locked();
    if (locked.isPresent()) {
      return new Broken(
          "cuda: expected to read and write %s, this user may not (%s); add the user to the group that owns it"
              .formatted(locked.get(), e.getMessage()),
          e);
    }
    return switch (e.code()) {
      case CuResult.NO_DEVICE -> noDevice();
      case CuResult.STUB_LIBRARY ->
          new Broken(
              "cuda: the libcuda found first is the toolkit's stub, which only links (%s); take its folder off LD_LIBRARY_PATH"
                  .formatted(e.getMessage()),
              e);
      case CuResult.SYSTEM_DRIVER_MISMATCH ->
          new Broken(
              "cuda: libcuda and NVIDIA's kernel module are of different versions (%s); reboot, or install both from one package"
                  .formatted(e.getMessage()),
              e);
      default ->
          new Broken(
              "cuda: the driver does not start: %s; nvidia-smi tells more"
                  .formatted(e.getMessage()),
              e);
    };
  }

  /** GPUs that are too old are left out, unless there is no other. */
  private static Probe sort(Driver driver, int version, int count) throws CudaException {
    List<DeviceFacts> usable = new ArrayList<>();
    List<DeviceFacts> old = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      DeviceFacts facts = DeviceFacts.of(driver, i);
      (facts.sm() < MIN_SM ? old : usable).add(facts);
    }
    if (usable.isEmpty()) {
      DeviceFacts first = old.getFirst();
      return new Broken(
          "cuda: expected a GPU of compute capability 8.0 or newer, got %s of %d.%d; use --backend cpu-vector"
              .formatted(first.name(), first.major(), first.minor()),
          null);
    }
    return new Available(driver, version, usable);
  }

  /** The device files of NVIDIA's kernel module, which say why a driver finds nothing. */
  interface DeviceFiles {
    /** Those of Linux; on another system there are none. */
    DeviceFiles LINUX = in(Path.of("/dev"), Path.of("/proc/driver/nvidia/version"));

    /**
     * Whether the kernel module is loaded.
     *
     * @return false where it can't be told
     */
    boolean moduleLoaded();

    /**
     * A device file that is there and that this user may not read and write.
     *
     * @return empty if there is none
     */
    Optional<Path> locked();

    /**
     * Those in a folder.
     *
     * @param folder where {@code nvidiactl} lies
     * @param version the file that is there while the module is loaded
     * @return reads at each call
     */
    static DeviceFiles in(Path folder, Path version) {
      return new DeviceFiles() {
        @Override
        public boolean moduleLoaded() {
          return Files.exists(version);
        }

        @Override
        public Optional<Path> locked() {
          for (String name : List.of("nvidiactl", "nvidia0")) {
            Path file = folder.resolve(name);
            if (Files.exists(file) && !(Files.isReadable(file) && Files.isWritable(file))) {
              return Optional.of(file);
            }
          }
          return Optional.empty();
        }
      };
    }
  }
}
