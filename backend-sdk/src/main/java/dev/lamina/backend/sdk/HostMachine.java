package dev.lamina.backend.sdk;

import com.sun.management.OperatingSystemMXBean;
import dev.lamina.spi.DeviceInfo.MemoryInfo;
import java.lang.management.ManagementFactory;

/** What a host backend says of the machine it runs on. */
public final class HostMachine {
  private HostMachine() {}

  /** Memory of the machine, or of the container that this process is limited to. */
  public static MemoryInfo memory() {
    OperatingSystemMXBean os = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    return new MemoryInfo(os.getTotalMemorySize(), os.getFreeMemorySize(), true);
  }
}
