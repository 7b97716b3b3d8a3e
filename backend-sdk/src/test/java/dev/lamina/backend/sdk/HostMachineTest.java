package dev.lamina.backend.sdk;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.spi.DeviceInfo.MemoryInfo;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HostMachineTest {
  @TempDir Path root;

  private void write(String file, String text) throws Exception {
    Path path = root.resolve(file);
    Files.createDirectories(path.getParent());
    Files.writeString(path, text);
  }

  @Test
  void linux_readsTheMachineWithoutALimit() throws Exception {
    write("proc/meminfo", "MemTotal:       1000 kB\nMemFree:  100 kB\nMemAvailable:    600 kB\n");
    write("proc/self/cgroup", "0::/\n");
    write("sys/fs/cgroup/memory.max", "max\n");
    assertThat(HostMachine.linux(root)).isEqualTo(new MemoryInfo(1000 * 1024, 600 * 1024, true));
  }

  @Test
  void linux_takesTheTightestLimitOfTheContainer() throws Exception {
    write("proc/meminfo", "MemTotal:       1000 kB\nMemAvailable:    600 kB\n");
    write("proc/self/cgroup", "0::/pod/one\n");
    write("sys/fs/cgroup/pod/one/memory.max", "409600\n");
    write("sys/fs/cgroup/pod/one/memory.current", "300000\n");
    write("sys/fs/cgroup/pod/one/memory.stat", "anon 5\ninactive_file 100000\n");
    assertThat(HostMachine.linux(root)).isEqualTo(new MemoryInfo(409600, 209600, true));
  }

  @Test
  void memory_knowsThisMachine() {
    MemoryInfo memory = HostMachine.memory();
    assertThat(memory.totalBytes()).isGreaterThan(64L << 20);
    assertThat(memory.freeBytes()).isBetween(0L, memory.totalBytes());
  }
}
