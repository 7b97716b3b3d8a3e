package dev.lamina.backend.vulkan;

import static org.lwjgl.system.MemoryStack.stackPush;
import static org.lwjgl.vulkan.VK10.vkCreateDevice;
import static org.lwjgl.vulkan.VK10.vkDestroyDevice;
import static org.lwjgl.vulkan.VK10.vkDeviceWaitIdle;

import dev.lamina.backend.sdk.BackendFailure;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.lwjgl.PointerBuffer;
import org.lwjgl.system.MemoryStack;
import org.lwjgl.vulkan.VkDevice;
import org.lwjgl.vulkan.VkDeviceCreateInfo;
import org.lwjgl.vulkan.VkDeviceQueueCreateInfo;
import org.lwjgl.vulkan.VkPhysicalDevice;
import org.lwjgl.vulkan.VkPhysicalDeviceCooperativeMatrixFeaturesKHR;
import org.lwjgl.vulkan.VkPhysicalDeviceShaderBfloat16FeaturesKHR;

/**
 * An instance with one logical device of its own. It ends when it is closed, or when the process
 * ends: a hook destroys what is still open, once no call of the driver is under way.
 *
 * <p>Calls that record or submit hold {@link #lock}; calls that wait hold {@link #waiting}, in
 * short slices. Both make sure that the device is open.
 */
final class OpenedDevice implements AutoCloseable {
  private static final List<OpenedDevice> OPEN = new ArrayList<>();
  private static boolean isHooked;

  /** Held by whoever records, submits, takes or gives memory. */
  final ReentrantLock lock = new ReentrantLock();

  /** Held for reading by whoever waits for the device. */
  final ReentrantReadWriteLock waiting = new ReentrantReadWriteLock();

  private final Instance instance;
  private final VkDevice device;
  private final String name;
  private boolean closed;

  private OpenedDevice(Instance instance, VkDevice device, String name) {
    this.instance = instance;
    this.device = device;
    this.name = name;
  }

  /**
   * Opens a device.
   *
   * @param facts of a device that lacks nothing
   * @throws BackendFailure if the driver refuses
   */
  static OpenedDevice open(DeviceFacts facts) {
    Instance instance = Instance.open();
    try {
      List<VkPhysicalDevice> devices = instance.devices();
      if (facts.index() >= devices.size()) {
        throw new BackendFailure(
            new dev.lamina.spi.InvalidProgram(
                "open vulkan: expected device %d, %s, the drivers now list %d; probe again"
                    .formatted(facts.index(), facts.name(), devices.size())));
      }
      VkDevice device = create(devices.get(facts.index()), facts);
      OpenedDevice opened = new OpenedDevice(instance, device, facts.name());
      remember(opened);
      return opened;
    } catch (BackendFailure e) {
      instance.close();
      throw e;
    }
  }

  private static VkDevice create(VkPhysicalDevice physical, DeviceFacts facts) {
    try (MemoryStack stack = stackPush()) {
      VkDeviceCreateInfo info = info(facts, stack);
      PointerBuffer made = stack.mallocPointer(1);
      Results.check(vkCreateDevice(physical, info, null, made), "open " + facts.name());
      return new VkDevice(made.get(0), physical, info);
    }
  }

  /** What a device is to be made with. */
  static VkDeviceCreateInfo info(DeviceFacts facts, MemoryStack stack) {
    VkDeviceQueueCreateInfo.Buffer queue =
        VkDeviceQueueCreateInfo.calloc(1, stack)
            .sType$Default()
            .queueFamilyIndex(facts.queueFamily())
            .pQueuePriorities(stack.floats(1));
    Features features = Features.needed(stack);
    // Each is put in front of what is chained to info, and loses what was chained to itself.
    VkDeviceCreateInfo info =
        VkDeviceCreateInfo.calloc(stack)
            .sType$Default()
            .pNext(features.all())
            .pNext(features.newer())
            .pNext(features.older())
            .pQueueCreateInfos(queue);
    if (facts.hasBf16Tiles()) {
      features.newer().vulkanMemoryModel(true);
      info.pNext(
              VkPhysicalDeviceCooperativeMatrixFeaturesKHR.calloc(stack)
                  .sType$Default()
                  .cooperativeMatrix(true))
          .pNext(
              VkPhysicalDeviceShaderBfloat16FeaturesKHR.calloc(stack)
                  .sType$Default()
                  .shaderBFloat16Type(true)
                  .shaderBFloat16CooperativeMatrix(true))
          .ppEnabledExtensionNames(names(DeviceFacts.TILE_EXTENSIONS, stack));
    }
    return info;
  }

  private static PointerBuffer names(List<String> names, MemoryStack stack) {
    PointerBuffer all = stack.mallocPointer(names.size());
    names.forEach(name -> all.put(stack.UTF8(name)));
    return all.flip();
  }

  private static void remember(OpenedDevice opened) {
    synchronized (OPEN) {
      if (!isHooked) {
        isHooked = true;
        Runtime.getRuntime().addShutdownHook(new Thread(OpenedDevice::closeAll, "vulkan-exit"));
      }
      OPEN.add(opened);
    }
  }

  private static void closeAll() {
    List<OpenedDevice> left;
    synchronized (OPEN) {
      left = List.copyOf(OPEN);
    }
    left.forEach(OpenedDevice::close);
  }

  VkDevice device() {
    return device;
  }

  /** Throws unless the device is open; called with one of the locks held. */
  void checkOpen() {
    if (closed) {
      throw new IllegalStateException(
          "vulkan: %s is closed, or the process is ending".formatted(name));
    }
  }

  /** Waits until the device is idle; destroys it with all that was made on it, and the instance. */
  @Override
  public void close() {
    close(() -> {});
  }

  /**
   * The same, with what is to be destroyed before the device.
   *
   * @param before runs when the device is idle, unless it was closed already
   */
  void close(Runnable before) {
    lock.lock();
    waiting.writeLock().lock();
    try {
      if (closed) {
        return;
      }
      closed = true;
      synchronized (OPEN) {
        OPEN.remove(this);
      }
      // Of a lost device this tells so at once; it is destroyed all the same.
      vkDeviceWaitIdle(device);
      before.run();
      vkDestroyDevice(device, null);
      instance.close();
    } finally {
      waiting.writeLock().unlock();
      lock.unlock();
    }
  }
}
