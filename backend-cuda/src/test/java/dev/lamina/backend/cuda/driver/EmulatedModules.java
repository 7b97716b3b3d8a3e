package dev.lamina.backend.cuda.driver;

import dev.lamina.backend.cuda.emulation.HostCompiler;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The backend's kernels, compiled for the host, as modules of {@link StubDriver}. */
public final class EmulatedModules {
  private final Map<String, Path> libraries = new HashMap<>();

  /** Compiles what is not kept from before. Skips the test that asks where there is no g++. */
  public EmulatedModules() {
    for (Path file : HostCompiler.find().compileAll()) {
      String name = file.getFileName().toString();
      libraries.put(name.substring(0, name.lastIndexOf('-')), file.toAbsolutePath());
    }
  }

  /**
   * Modules of an open device.
   *
   * @param driver the stub's
   * @param facts of its device
   * @return nothing is loaded yet
   */
  public KernelModules of(Driver driver, DeviceFacts facts) {
    KernelSettings settings =
        new KernelSettings(KernelSettings.Origin.CUBIN, List.of(), Path.of("target/no-cache"));
    return new KernelModules(driver, facts.arch(), settings, this::image);
  }

  private Optional<byte[]> image(String file) {
    Path library = libraries.get(file.replace(".fatbin", ""));
    return library == null ? Optional.empty() : Optional.of(StubDriver.image(library.toString()));
  }
}
