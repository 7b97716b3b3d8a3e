package dev.lamina.backend.cpuvector;

import dev.lamina.backend.cpuvector.kernels.VectorWidth;
import dev.lamina.spi.Cap;
import dev.lamina.spi.DeviceInfo;
import dev.lamina.spi.ir.DType;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Set;
import java.util.stream.Stream;

/** What is known of this machine's processor; limits of a container count. */
final class Processor {
  private static final Path CPU_INFO = Path.of("/proc/cpuinfo");

  private Processor() {}

  /** Processors that this process may use. */
  static int cores() {
    return Runtime.getRuntime().availableProcessors();
  }

  static DeviceInfo info() {
    return new DeviceInfo(
        0,
        "%s (%d cores)".formatted(name(), cores()),
        "%s-%d".formatted(System.getProperty("os.arch"), VectorWidth.bits()),
        memory(),
        new DeviceInfo.Limits(Long.MAX_VALUE / 2, 64),
        EnumSet.allOf(DType.class),
        Set.of(
            Cap.CAPTURE,
            Cap.HOST_MAP,
            Cap.RUN_TO_RUN,
            Cap.BATCH_INVARIANT,
            Cap.OOM_RECOVERABLE,
            Cap.SYNCHRONOUS),
        DeviceInfo.Peak.UNKNOWN);
  }

  private static String name() {
    if (Files.isReadable(CPU_INFO)) {
      try (Stream<String> lines = Files.lines(CPU_INFO)) {
        return lines
            .filter(line -> line.startsWith("model name"))
            .map(line -> line.substring(line.indexOf(':') + 1).strip())
            .findFirst()
            .orElse("CPU");
      } catch (IOException e) {
        return "CPU (name unreadable: " + e.getMessage() + ")";
      }
    }
    return "CPU";
  }

  private static DeviceInfo.MemoryInfo memory() {
    if (ManagementFactory.getOperatingSystemMXBean()
        instanceof com.sun.management.OperatingSystemMXBean os) {
      return new DeviceInfo.MemoryInfo(os.getTotalMemorySize(), os.getFreeMemorySize(), true);
    }
    return new DeviceInfo.MemoryInfo(Long.MAX_VALUE / 2, 0, true);
  }
}
