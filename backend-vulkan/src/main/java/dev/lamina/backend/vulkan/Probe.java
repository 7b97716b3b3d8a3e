package dev.lamina.backend.vulkan;

import static org.lwjgl.vulkan.VK10.VK_ERROR_INCOMPATIBLE_DRIVER;

import dev.lamina.backend.sdk.BackendFailure;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.lwjgl.vulkan.VkPhysicalDevice;

/**
 * Looks for devices with a Vulkan driver that has what the kernels need. Makes an instance and
 * destroys it again; makes nothing on a device.
 */
sealed interface Probe {
  /**
   * Devices that can be opened.
   *
   * @param devices at least one; those that compute on the host's cores come last
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
   * Devices or drivers that can't be used.
   *
   * @param why one line, with what to do
   * @param cause what was met, if anything
   */
  record Broken(String why, @Nullable Throwable cause) implements Probe {}

  /** Looks at this system. */
  static Probe run() {
    try {
      Lwjgl.load();
    } catch (LinkageError e) {
      return new Broken(
          "vulkan: LWJGL does not load (%s); add the natives of lwjgl for this system"
              .formatted(firstLine(e)),
          e);
    }
    try (Instance instance = Instance.open()) {
      List<DeviceFacts> devices = new ArrayList<>();
      for (VkPhysicalDevice device : instance.devices()) {
        devices.add(DeviceFacts.of(device, devices.size()));
      }
      return sort(devices);
    } catch (UnsatisfiedLinkError e) {
      return new Absent(
          "vulkan: libvulkan.so.1 can't be loaded (%s); a distribution's package is libvulkan1 or vulkan-loader"
              .formatted(firstLine(e)));
    } catch (BackendFailure e) {
      String message = String.valueOf(e.getMessage());
      if (message.contains(Results.name(VK_ERROR_INCOMPATIBLE_DRIVER))) {
        return new Absent(
            "vulkan: the loader finds no driver; its manifests lie in /usr/share/vulkan/icd.d or"
                + " /etc/vulkan/icd.d, or VK_DRIVER_FILES names them");
      }
      return new Broken(
          "vulkan: a driver does not start: %s; vulkaninfo tells more".formatted(message),
          e.failure());
    }
  }

  /** GPUs before software; those that lack something are left out, unless there is no other. */
  static Probe sort(List<DeviceFacts> found) {
    if (found.isEmpty()) {
      return new Absent("vulkan: the drivers find no device");
    }
    List<DeviceFacts> usable = new ArrayList<>();
    for (boolean software : new boolean[] {false, true}) {
      for (DeviceFacts d : found) {
        if (d.missing().isEmpty() && d.isSoftware() == software) {
          usable.add(d);
        }
      }
    }
    if (usable.isEmpty()) {
      DeviceFacts first = found.getFirst();
      return new Broken(
          "vulkan: expected a device with Vulkan 1.2 and the features of its kernels, got %s without %s; a newer driver may bring them"
              .formatted(first.name(), String.join(", ", first.missing())),
          null);
    }
    return new Available(usable);
  }

  private static String firstLine(Throwable e) {
    String message = e.getMessage();
    return message == null ? e.toString() : message.lines().findFirst().orElse("");
  }
}
