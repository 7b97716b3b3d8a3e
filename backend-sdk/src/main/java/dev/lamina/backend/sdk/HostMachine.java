package dev.lamina.backend.sdk;

import com.sun.management.OperatingSystemMXBean;
import dev.lamina.spi.DeviceInfo.MemoryInfo;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * What a host backend says of the machine it runs on.
 *
 * <p>On Linux a start reads two or three small files: the management beans that know the same take
 * longer to load than a small model.
 */
public final class HostMachine {
  private static final long KIB = 1024;

  private HostMachine() {}

  /** Memory of the machine, or of the container that this process is limited to. */
  public static MemoryInfo memory() {
    try {
      Path root = Path.of("/");
      return Files.isReadable(root.resolve("proc/meminfo")) ? linux(root) : bean();
    } catch (IOException e) {
      throw new UncheckedIOException(
          "memory: expected to read /proc/meminfo; mount /proc: " + e.getMessage(), e);
    }
  }

  private static MemoryInfo bean() {
    OperatingSystemMXBean os = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    return new MemoryInfo(os.getTotalMemorySize(), os.getFreeMemorySize(), true);
  }

  /** From the files below a root folder. */
  static MemoryInfo linux(Path root) throws IOException {
    List<String> lines = Files.readAllLines(root.resolve("proc/meminfo"));
    long total = field(lines, "MemTotal:") * KIB;
    long free = field(lines, "MemAvailable:") * KIB;
    Path group = root.resolve("sys/fs/cgroup");
    Path own = group.resolve(ownGroup(root));
    for (Path folder : own.equals(group) ? List.of(group) : List.of(own, group)) {
      long limit = number(folder.resolve("memory.max"));
      if (limit >= 0 && limit < total) {
        // Pages of files that nobody used lately go before anything else is refused.
        Path stat = folder.resolve("memory.stat");
        long cache = Files.isReadable(stat) ? field(Files.readAllLines(stat), "inactive_file") : 0;
        long used = Math.max(0, number(folder.resolve("memory.current")) - cache);
        total = limit;
        free = Math.clamp(limit - used, 0, free);
      }
    }
    return new MemoryInfo(total, free, true);
  }

  /** Folder of this process in the unified hierarchy, relative to its mount; empty at the root. */
  private static String ownGroup(Path root) throws IOException {
    Path file = root.resolve("proc/self/cgroup");
    if (Files.isReadable(file)) {
      for (String line : Files.readAllLines(file)) {
        if (line.startsWith("0::/")) {
          return line.substring(4);
        }
      }
    }
    return "";
  }

  private static long field(List<String> lines, String name) {
    for (String line : lines) {
      if (line.startsWith(name)) {
        String[] words = line.substring(name.length()).trim().split(" ");
        return Long.parseLong(words[0]);
      }
    }
    return 0;
  }

  /** The number in a file; -1 if there is no file or it says {@code max}. */
  private static long number(Path file) throws IOException {
    if (!Files.isReadable(file)) {
      return -1;
    }
    String text = Files.readString(file).trim();
    return text.equals("max") ? -1 : Long.parseLong(text);
  }
}
