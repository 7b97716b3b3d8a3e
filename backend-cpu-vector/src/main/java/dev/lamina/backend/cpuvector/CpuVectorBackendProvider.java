package dev.lamina.backend.cpuvector;

import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.BackendOptions;
import dev.lamina.spi.BackendProvider;
import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.ProbeResult;
import dev.lamina.spi.SpiVersion;
import java.util.List;

/** The CPU through the JDK's Vector API; there wherever that module is. */
public final class CpuVectorBackendProvider implements BackendProvider {
  /** Called by the service loader. */
  public CpuVectorBackendProvider() {}

  @Override
  public String id() {
    return "cpu-vector";
  }

  @Override
  public SpiVersion builtFor() {
    return new SpiVersion(SpiVersion.MAJOR, SpiVersion.MINOR, SpiVersion.OPSET);
  }

  /** Before the reference, behind every accelerator. */
  @Override
  public int preference() {
    return 10;
  }

  /** Whether its classes can be found, as a module or on the boot class path. */
  private static boolean hasVectorApi() {
    return ClassLoader.getSystemResource("jdk/incubator/vector/FloatVector.class") != null;
  }

  @Override
  public ProbeResult probe() {
    if (!hasVectorApi()) {
      return new ProbeResult.Absent(absence());
    }
    return new ProbeResult.Available(List.of(Processor.info()));
  }

  private static String absence() {
    return "cpu-vector: the module jdk.incubator.vector is not loaded;"
        + " start Java with --add-modules jdk.incubator.vector";
  }

  @Override
  public Backend open(BackendOptions options) throws BackendException {
    if (!hasVectorApi()) {
      throw new InvalidProgram("open " + absence());
    }
    if (!options.properties().isEmpty()) {
      throw new InvalidProgram(
          "open cpu-vector: expected no properties, got " + options.properties().keySet());
    }
    int threads = options.threads() > 0 ? options.threads() : Processor.cores();
    return new CpuVectorBackend(threads, options.memoryLimitBytes());
  }
}
