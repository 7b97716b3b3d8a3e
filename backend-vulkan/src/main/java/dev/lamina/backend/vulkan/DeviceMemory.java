package dev.lamina.backend.vulkan;

import static org.lwjgl.system.MemoryStack.stackPush;
import static org.lwjgl.vulkan.VK10.VK_BUFFER_USAGE_STORAGE_BUFFER_BIT;
import static org.lwjgl.vulkan.VK10.VK_BUFFER_USAGE_TRANSFER_DST_BIT;
import static org.lwjgl.vulkan.VK10.VK_BUFFER_USAGE_TRANSFER_SRC_BIT;
import static org.lwjgl.vulkan.VK10.VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
import static org.lwjgl.vulkan.VK10.VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
import static org.lwjgl.vulkan.VK10.VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
import static org.lwjgl.vulkan.VK10.VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT;
import static org.lwjgl.vulkan.VK10.VK_SHARING_MODE_EXCLUSIVE;
import static org.lwjgl.vulkan.VK10.VK_WHOLE_SIZE;
import static org.lwjgl.vulkan.VK10.vkAllocateMemory;
import static org.lwjgl.vulkan.VK10.vkBindBufferMemory;
import static org.lwjgl.vulkan.VK10.vkCreateBuffer;
import static org.lwjgl.vulkan.VK10.vkDestroyBuffer;
import static org.lwjgl.vulkan.VK10.vkFreeMemory;
import static org.lwjgl.vulkan.VK10.vkGetBufferMemoryRequirements;
import static org.lwjgl.vulkan.VK10.vkGetPhysicalDeviceMemoryProperties;
import static org.lwjgl.vulkan.VK10.vkMapMemory;
import static org.lwjgl.vulkan.VK12.VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT;
import static org.lwjgl.vulkan.VK12.VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT;
import static org.lwjgl.vulkan.VK12.vkGetBufferDeviceAddress;

import dev.lamina.backend.sdk.BackendFailure;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;
import org.jspecify.annotations.Nullable;
import org.lwjgl.PointerBuffer;
import org.lwjgl.system.MemoryStack;
import org.lwjgl.vulkan.VkBufferCreateInfo;
import org.lwjgl.vulkan.VkBufferDeviceAddressInfo;
import org.lwjgl.vulkan.VkDevice;
import org.lwjgl.vulkan.VkMemoryAllocateFlagsInfo;
import org.lwjgl.vulkan.VkMemoryAllocateInfo;
import org.lwjgl.vulkan.VkMemoryRequirements;
import org.lwjgl.vulkan.VkPhysicalDeviceMemoryProperties;

/**
 * A device's memory: each range is a buffer with a device address, and with one of the host where
 * it sees it. Thread-safe.
 */
final class DeviceMemory {
  /** Where a range is to lie. */
  enum Place {
    /** On the device; the host sees it where the device computes in the host's memory. */
    DEVICE,
    /** In the host's memory, cached, so that it reads it back at full speed. */
    HOST,
    /** Written by the host and read by the device, on the device's side where there is such. */
    PARAMS
  }

  private static final int VISIBLE =
      VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;

  /** Sizes are multiples of it, so that ranges can be filled by words. */
  private static final long UNIT = 16;

  private final VkDevice device;
  private final ConcurrentSkipListMap<Long, Range> ranges = new ConcurrentSkipListMap<>();
  private final int[] types = new int[Place.values().length];
  private final boolean deviceIsVisible;

  /**
   * A range of memory.
   *
   * @param buffer the buffer's handle
   * @param memory the allocation's handle
   * @param address of the device, 64 bits
   * @param bytes at least what was asked for
   * @param host where the host sees it, if it does
   */
  record Range(long buffer, long memory, long address, long bytes, @Nullable MemorySegment host) {
    /** Where the host sees it. */
    MemorySegment visible() {
      if (host == null) {
        throw new IllegalStateException("expected memory that the host sees");
      }
      return host;
    }
  }

  /**
   * The memory of a device.
   *
   * @param device open
   * @param facts of it
   */
  DeviceMemory(VkDevice device, DeviceFacts facts) {
    this.device = device;
    try (MemoryStack stack = stackPush()) {
      VkPhysicalDeviceMemoryProperties p = VkPhysicalDeviceMemoryProperties.malloc(stack);
      vkGetPhysicalDeviceMemoryProperties(device.getPhysicalDevice(), p);
      int local = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
      types[Place.DEVICE.ordinal()] = deviceType(p, facts.memoryBytes());
      types[Place.HOST.ordinal()] = type(p, VISIBLE, VK_MEMORY_PROPERTY_HOST_CACHED_BIT, local);
      types[Place.PARAMS.ordinal()] = type(p, VISIBLE, local, 0);
      int flags = p.memoryTypes(types[Place.DEVICE.ordinal()]).propertyFlags();
      deviceIsVisible = (flags & VISIBLE) == VISIBLE;
    }
  }

  /** One that the host writes directly if that is the largest heap, and not a window of it. */
  private static int deviceType(VkPhysicalDeviceMemoryProperties p, long largest) {
    int needed = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
    for (int i = 0; i < p.memoryTypeCount(); i++) {
      int flags = p.memoryTypes(i).propertyFlags();
      long heap = p.memoryHeaps(p.memoryTypes(i).heapIndex()).size();
      if ((flags & needed) == needed && (flags & VISIBLE) == VISIBLE && heap == largest) {
        return i;
      }
    }
    return type(p, needed, 0, VISIBLE);
  }

  /** The first type with what is needed that has most of what is wanted and least unwanted. */
  private static int type(
      VkPhysicalDeviceMemoryProperties p, int needed, int wanted, int unwanted) {
    int best = -1;
    int bestScore = Integer.MIN_VALUE;
    for (int i = 0; i < p.memoryTypeCount(); i++) {
      int flags = p.memoryTypes(i).propertyFlags();
      int score = Integer.bitCount(flags & wanted) - Integer.bitCount(flags & unwanted);
      if ((flags & needed) == needed && score > bestScore) {
        best = i;
        bestScore = score;
      }
    }
    if (best < 0) {
      throw new BackendFailure(
          Results.of(
              org.lwjgl.vulkan.VK10.VK_ERROR_FEATURE_NOT_PRESENT,
              "memory of property flags 0x" + Integer.toHexString(needed)));
    }
    return best;
  }

  /**
   * Takes memory, whose bytes are anything.
   *
   * @param bytes at least 0
   * @param place where
   * @param what for messages
   * @throws BackendFailure out of memory; then nothing was taken
   */
  Range take(long bytes, Place place, String what) {
    long size = Math.max(UNIT, bytes + UNIT - 1 & -UNIT);
    boolean mapped = place != Place.DEVICE || deviceIsVisible;
    try (MemoryStack stack = stackPush()) {
      VkBufferCreateInfo info =
          VkBufferCreateInfo.calloc(stack)
              .sType$Default()
              .size(size)
              .usage(
                  VK_BUFFER_USAGE_STORAGE_BUFFER_BIT
                      | VK_BUFFER_USAGE_TRANSFER_SRC_BIT
                      | VK_BUFFER_USAGE_TRANSFER_DST_BIT
                      | VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT)
              .sharingMode(VK_SHARING_MODE_EXCLUSIVE);
      var handle = stack.mallocLong(1);
      Results.check(vkCreateBuffer(device, info, null, handle), what);
      long buffer = handle.get(0);
      long memory = 0;
      try {
        VkMemoryRequirements need = VkMemoryRequirements.malloc(stack);
        vkGetBufferMemoryRequirements(device, buffer, need);
        VkMemoryAllocateFlagsInfo flags =
            VkMemoryAllocateFlagsInfo.calloc(stack)
                .sType$Default()
                .flags(VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT);
        VkMemoryAllocateInfo allocate =
            VkMemoryAllocateInfo.calloc(stack)
                .sType$Default()
                .pNext(flags)
                .allocationSize(need.size())
                .memoryTypeIndex(types[place.ordinal()]);
        Results.check(
            vkAllocateMemory(device, allocate, null, handle), what + " of " + bytes + " bytes");
        memory = handle.get(0);
        Results.check(vkBindBufferMemory(device, buffer, memory, 0), what);
        Range range = bound(buffer, memory, size, mapped, what, stack);
        ranges.put(range.address(), range);
        return range;
      } catch (BackendFailure e) {
        vkDestroyBuffer(device, buffer, null);
        if (memory != 0) {
          vkFreeMemory(device, memory, null);
        }
        throw e;
      }
    }
  }

  @SuppressWarnings("restricted")
  private Range bound(
      long buffer, long memory, long size, boolean mapped, String what, MemoryStack stack) {
    VkBufferDeviceAddressInfo of =
        VkBufferDeviceAddressInfo.calloc(stack).sType$Default().buffer(buffer);
    long address = vkGetBufferDeviceAddress(device, of);
    MemorySegment host = null;
    if (mapped) {
      PointerBuffer at = stack.mallocPointer(1);
      Results.check(vkMapMemory(device, memory, 0, VK_WHOLE_SIZE, 0, at), what);
      host = MemorySegment.ofAddress(at.get(0)).reinterpret(size);
    }
    return new Range(buffer, memory, address, size, host);
  }

  /** Gives memory back that nothing uses any more. */
  void give(Range range) {
    ranges.remove(range.address());
    vkDestroyBuffer(device, range.buffer(), null);
    vkFreeMemory(device, range.memory(), null);
  }

  /** The range that an address lies in. */
  Range rangeOf(long address) {
    Map.Entry<Long, Range> entry = ranges.floorEntry(address);
    if (entry == null || address - entry.getKey() >= entry.getValue().bytes()) {
      throw new IllegalStateException(
          "expected a device address of this device's memory, got 0x" + Long.toHexString(address));
    }
    return entry.getValue();
  }

  /** Whether the host sees {@link Place#DEVICE}. */
  boolean deviceIsVisible() {
    return deviceIsVisible;
  }

  /** Gives everything back. */
  void close() {
    for (Range range : ranges.values()) {
      vkDestroyBuffer(device, range.buffer(), null);
      vkFreeMemory(device, range.memory(), null);
    }
    ranges.clear();
  }
}
