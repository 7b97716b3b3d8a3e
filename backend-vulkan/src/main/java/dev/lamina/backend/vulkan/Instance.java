package dev.lamina.backend.vulkan;

import static org.lwjgl.system.MemoryStack.stackPush;
import static org.lwjgl.vulkan.VK10.VK_SUCCESS;
import static org.lwjgl.vulkan.VK10.vkCreateInstance;
import static org.lwjgl.vulkan.VK10.vkDestroyInstance;
import static org.lwjgl.vulkan.VK10.vkEnumeratePhysicalDevices;
import static org.lwjgl.vulkan.VK11.vkEnumerateInstanceVersion;
import static org.lwjgl.vulkan.VK12.VK_API_VERSION_1_2;

import dev.lamina.backend.sdk.BackendFailure;
import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.List;
import org.lwjgl.PointerBuffer;
import org.lwjgl.system.Configuration;
import org.lwjgl.system.MemoryStack;
import org.lwjgl.vulkan.VK;
import org.lwjgl.vulkan.VkApplicationInfo;
import org.lwjgl.vulkan.VkInstance;
import org.lwjgl.vulkan.VkInstanceCreateInfo;
import org.lwjgl.vulkan.VkPhysicalDevice;

/**
 * A Vulkan instance, to be closed on every path: with one left over, a process under NVIDIA's
 * driver dies at its exit.
 */
final class Instance implements AutoCloseable {
  private static boolean isLoaded;

  private final VkInstance instance;

  private Instance(VkInstance instance) {
    this.instance = instance;
  }

  /**
   * Loads Vulkan's loader, once a process.
   *
   * @throws LinkageError if it is not there, or LWJGL does not load
   */
  private static synchronized void load() {
    if (!isLoaded) {
      Lwjgl.load();
      Configuration.VULKAN_EXPLICIT_INIT.set(true);
      VK.create();
      isLoaded = true;
    }
  }

  /**
   * Makes an instance.
   *
   * @return the caller closes it
   * @throws LinkageError if there is no loader, or LWJGL does not load
   * @throws BackendFailure if the loader or a driver refuses
   */
  static Instance open() {
    load();
    try (MemoryStack stack = stackPush()) {
      IntBuffer version = stack.ints(0);
      Results.check(vkEnumerateInstanceVersion(version), "vkEnumerateInstanceVersion");
      VkApplicationInfo app =
          VkApplicationInfo.calloc(stack)
              .sType$Default()
              .pApplicationName(stack.UTF8("lamina"))
              .apiVersion(VK_API_VERSION_1_2);
      VkInstanceCreateInfo info =
          VkInstanceCreateInfo.calloc(stack).sType$Default().pApplicationInfo(app);
      PointerBuffer made = stack.mallocPointer(1);
      Results.check(vkCreateInstance(info, null, made), "vkCreateInstance");
      return new Instance(new VkInstance(made.get(0), info));
    }
  }

  /** What the drivers offer, in their order. */
  List<VkPhysicalDevice> devices() {
    try (MemoryStack stack = stackPush()) {
      IntBuffer count = stack.ints(0);
      int result = vkEnumeratePhysicalDevices(instance, count, null);
      List<VkPhysicalDevice> devices = new ArrayList<>();
      if (result != VK_SUCCESS || count.get(0) == 0) {
        return devices;
      }
      PointerBuffer found = stack.mallocPointer(count.get(0));
      Results.check(
          vkEnumeratePhysicalDevices(instance, count, found), "vkEnumeratePhysicalDevices");
      for (int i = 0; i < count.get(0); i++) {
        devices.add(new VkPhysicalDevice(found.get(i), instance));
      }
      return devices;
    }
  }

  @Override
  public void close() {
    vkDestroyInstance(instance, null);
  }
}
