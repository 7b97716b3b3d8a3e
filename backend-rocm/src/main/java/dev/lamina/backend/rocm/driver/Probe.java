package dev.lamina.backend.rocm.driver;

import dev.lamina.backend.rocm.library.HipLibrary;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Looks for AMD GPUs: whether HIP's runtime is there, works and is new enough, and what the GPUs
 * are. Allocates nothing on a device.
 */
public sealed interface Probe {
  /**
   * GPUs that can be opened.
   *
   * @param hip initialized
   * @param version of HIP: 10,000,000 times the major, 100,000 times the minor, and the patch
   * @param devices at least one
   */
  record Available(Hip hip, int version, List<DeviceFacts> devices) implements Probe {
    /** Copies the list. */
    public Available {
      devices = List.copyOf(devices);
    }

    /**
     * The runtime, for people.
     *
     * @return such as {@code HIP 6.3.42131 in libamdhip64.so.6}
     */
    public String runtime() {
      return "HIP %d.%d.%d in %s"
          .formatted(
              version / 10_000_000, version / 100_000 % 100, version % 100_000, hip.libraryName());
    }
  }

  /**
   * No runtime or no GPU.
   *
   * @param why one line
   */
  record Absent(String why) implements Probe {}

  /**
   * A runtime or a GPU that can't be used.
   *
   * @param why one line, with what to do
   * @param cause what HIP reported, if anything
   */
  record Broken(String why, @Nullable HipException cause) implements Probe {}

  /**
   * The file through which AMD's kernel driver is reached.
   *
   * @param path where it lies
   * @param isLocked whether it is there and this user may not read and write it
   */
  record DriverFile(Path path, boolean isLocked) {
    static DriverFile of(Path path) {
      boolean isUsable = Files.isReadable(path) && Files.isWritable(path);
      return new DriverFile(path, Files.exists(path) && !isUsable);
    }
  }

  /**
   * Looks at this system.
   *
   * @return what is there
   */
  static Probe run() {
    return run(HipLibrary.find(), DriverFile.of(Path.of("/dev/kfd")));
  }

  /**
   * The same elsewhere.
   *
   * @param library empty if it is not there
   * @param file what AMD's kernel driver makes
   * @return what is there
   */
  static Probe run(Optional<HipLibrary> library, DriverFile file) {
    if (library.isEmpty()) {
      return new Absent("rocm: %s is not there; ROCm brings it".formatted(HipLibrary.searched()));
    }
    try {
      return look(new Hip(library.get()), file);
    } catch (HipException e) {
      return new Broken("rocm: " + e.getMessage(), e);
    }
  }

  private static Probe look(Hip hip, DriverFile file) throws HipException {
    int count;
    try {
      hip.init();
      count = hip.deviceCount();
    } catch (HipException e) {
      return notInitialized(hip, e, file);
    }
    if (count == 0) {
      return noDevice(hip);
    }
    int version = hip.version();
    Architectures known = Architectures.ofSystem(version);
    if (known.version() < Architectures.OLDEST) {
      return new Broken(
          "rocm: expected HIP %d.%d or newer, got %d.%d in %s; update ROCm"
              .formatted(
                  Architectures.OLDEST / 100,
                  Architectures.OLDEST % 100,
                  known.version() / 100,
                  known.version() % 100,
                  hip.libraryName()),
          null);
    }
    return sort(hip, version, known, count);
  }

  private static Probe noDevice(Hip hip) {
    String visible = System.getenv("HIP_VISIBLE_DEVICES");
    return new Absent(
        "rocm: %s finds no GPU; HIP_VISIBLE_DEVICES is %s"
            .formatted(hip.libraryName(), visible == null ? "not set" : "'" + visible + "'"));
  }

  /**
   * Without a GPU, initializing says that the device is invalid and counting that there is none.
   */
  private static Probe notInitialized(Hip hip, HipException e, DriverFile file) {
    if (file.isLocked()) {
      return new Broken(
          "rocm: expected to read and write %s, this user may not (%s); add the user to the groups render and video"
              .formatted(file.path(), e.getMessage()),
          e);
    }
    return switch (e.code()) {
      case HipException.NO_DEVICE, HipException.INVALID_DEVICE -> noDevice(hip);
      default ->
          new Broken(
              "rocm: HIP does not start: %s; rocminfo tells more".formatted(e.getMessage()), e);
    };
  }

  /** GPUs that kernels can't be compiled for are left out, unless there is no other. */
  private static Probe sort(Hip hip, int version, Architectures known, int count)
      throws HipException {
    List<DeviceFacts> usable = new ArrayList<>();
    HipException refused = null;
    for (int i = 0; i < count; i++) {
      DeviceFacts facts = DeviceFacts.of(hip, i);
      try {
        known.require(facts.arch());
        usable.add(facts);
      } catch (HipException e) {
        refused = e;
      }
    }
    return usable.isEmpty() && refused != null
        ? new Broken("rocm: " + refused.getMessage(), refused)
        : new Available(hip, version, usable);
  }
}
