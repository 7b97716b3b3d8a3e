package dev.lamina.backend.opencl.cl;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Looks for OpenCL devices: whether there is an ICD loader, whether it knows a driver, and what the
 * driver's devices are. Makes no context. Without the loader it costs one attempt to open it.
 */
public sealed interface Probe {
  /** Tells of drivers that fail beside others. */
  System.Logger LOG = System.getLogger(Probe.class.getName());

  /** The oldest version that has every call used: 10 times the major number and the minor one. */
  int MIN_VERSION = 12;

  /**
   * Devices that can be opened.
   *
   * @param devices at least one
   */
  record Available(List<DeviceFacts> devices) implements Probe {
    /** Copies the list. */
    public Available {
      devices = List.copyOf(devices);
    }
  }

  /**
   * No loader, no driver or no device.
   *
   * @param why one line
   */
  record Absent(String why) implements Probe {}

  /**
   * Something that can't be used.
   *
   * @param why one line, with what to do
   * @param cause what was met, if anything
   */
  record Broken(String why, @Nullable Throwable cause) implements Probe {}

  /** What a system has of OpenCL. */
  interface Platforms {
    /** Those of this machine. */
    Platforms OF_SYSTEM =
        new Platforms() {
          @Override
          public boolean hasLoader() {
            return Probe.hasLoader(libraryName());
          }

          @Override
          public List<Long> platforms() throws ClException {
            Cl.load();
            return list(Cl.platforms());
          }

          @Override
          public List<DeviceFacts> devices(long platform) throws ClException {
            List<DeviceFacts> facts = new ArrayList<>();
            for (long device : Cl.devices(platform)) {
              facts.add(DeviceFacts.of(platform, device));
            }
            return facts;
          }

          private static List<Long> list(long[] handles) {
            return java.util.Arrays.stream(handles).boxed().toList();
          }
        };

    /** Whether the loader's library can be opened. */
    boolean hasLoader();

    /**
     * Handles of the drivers' platforms.
     *
     * @return may be empty
     * @throws ClException if the loader reports a failure
     */
    List<Long> platforms() throws ClException;

    /**
     * A platform's devices.
     *
     * @param platform its handle
     * @return may be empty
     * @throws ClException if the driver reports a failure
     */
    List<DeviceFacts> devices(long platform) throws ClException;
  }

  /**
   * Whether a driver may be there that is not one of CPUs alone; looks at the names of files only,
   * since loading a driver takes longer than a short answer.
   *
   * @param vendors the folder in which drivers name themselves to the loader (cl_khr_icd)
   * @return false if there is none but PoCL
   */
  static boolean mayHaveGpu(Path vendors) {
    try (Stream<Path> files = Files.list(vendors)) {
      return files
          .map(file -> file.getFileName().toString())
          .anyMatch(name -> name.endsWith(".icd") && !name.startsWith("pocl"));
    } catch (IOException e) {
      return false;
    }
  }

  /**
   * Looks at this system.
   *
   * @return what is there
   */
  static Probe run() {
    return run(Platforms.OF_SYSTEM);
  }

  /**
   * Looks at a system.
   *
   * @param system what it has
   * @return what is there
   */
  static Probe run(Platforms system) {
    if (!system.hasLoader()) {
      return new Absent(
          "opencl: %s is not there; the package ocl-icd-libopencl1 or a GPU's driver brings it"
              .formatted(libraryName()));
    }
    try {
      return look(system);
    } catch (ClException e) {
      return new Broken("opencl: %s; clinfo tells more".formatted(e.getMessage()), e);
    } catch (LinkageError e) {
      return new Broken(
          "opencl: LWJGL does not load (%s); add the natives of lwjgl for this system"
              .formatted(e.getMessage()),
          e);
    }
  }

  private static Probe look(Platforms system) throws ClException {
    List<Long> platforms = system.platforms();
    if (platforms.isEmpty()) {
      return new Absent(
          "opencl: the loader knows no driver; install one, such as pocl-opencl-icd, which puts its name into /etc/OpenCL/vendors");
    }
    List<DeviceFacts> usable = new ArrayList<>();
    List<DeviceFacts> old = new ArrayList<>();
    ClException failed = null;
    for (long platform : platforms) {
      try {
        for (DeviceFacts facts : system.devices(platform)) {
          (facts.versionNumber() < MIN_VERSION ? old : usable).add(facts);
        }
      } catch (ClException e) {
        failed = e;
        LOG.log(
            System.Logger.Level.WARNING, "opencl: a driver tells no devices: " + e.getMessage());
      }
    }
    if (!usable.isEmpty()) {
      // The device that is picked unasked comes first.
      usable.sort(Comparator.comparing(DeviceFacts::isCpu));
      return new Available(usable);
    }
    if (failed != null) {
      throw failed;
    }
    if (!old.isEmpty()) {
      DeviceFacts first = old.getFirst();
      return new Broken(
          "opencl: expected a device of OpenCL 1.2 or newer, got %s of '%s'; update its driver"
              .formatted(first.name(), first.version()),
          null);
    }
    return new Absent(
        "opencl: %d platform%s, but no device; a driver whose GPU is not there lists none"
            .formatted(platforms.size(), platforms.size() == 1 ? "" : "s"));
  }

  /** The loader's library, as this system names it. */
  private static String libraryName() {
    return System.getProperty("os.name").startsWith("Mac")
        ? "/System/Library/Frameworks/OpenCL.framework/OpenCL"
        : "libOpenCL.so.1";
  }

  @SuppressWarnings("restricted")
  private static boolean hasLoader(String name) {
    try (Arena arena = Arena.ofConfined()) {
      SymbolLookup.libraryLookup(name, arena);
      return true;
    } catch (IllegalArgumentException e) {
      return false;
    }
  }
}
