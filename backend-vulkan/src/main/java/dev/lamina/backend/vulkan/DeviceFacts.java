package dev.lamina.backend.vulkan;

import static org.lwjgl.system.MemoryStack.stackPush;
import static org.lwjgl.vulkan.KHRCooperativeMatrix.VK_COMPONENT_TYPE_FLOAT32_KHR;
import static org.lwjgl.vulkan.KHRCooperativeMatrix.VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME;
import static org.lwjgl.vulkan.KHRCooperativeMatrix.VK_SCOPE_SUBGROUP_KHR;
import static org.lwjgl.vulkan.KHRCooperativeMatrix.vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR;
import static org.lwjgl.vulkan.KHRShaderBfloat16.VK_COMPONENT_TYPE_BFLOAT16_KHR;
import static org.lwjgl.vulkan.KHRShaderBfloat16.VK_KHR_SHADER_BFLOAT16_EXTENSION_NAME;
import static org.lwjgl.vulkan.VK10.VK_MEMORY_HEAP_DEVICE_LOCAL_BIT;
import static org.lwjgl.vulkan.VK10.VK_PHYSICAL_DEVICE_TYPE_CPU;
import static org.lwjgl.vulkan.VK10.VK_QUEUE_COMPUTE_BIT;
import static org.lwjgl.vulkan.VK10.VK_QUEUE_GRAPHICS_BIT;
import static org.lwjgl.vulkan.VK10.VK_SHADER_STAGE_COMPUTE_BIT;
import static org.lwjgl.vulkan.VK10.vkEnumerateDeviceExtensionProperties;
import static org.lwjgl.vulkan.VK10.vkGetPhysicalDeviceMemoryProperties;
import static org.lwjgl.vulkan.VK10.vkGetPhysicalDeviceProperties;
import static org.lwjgl.vulkan.VK10.vkGetPhysicalDeviceQueueFamilyProperties;
import static org.lwjgl.vulkan.VK11.vkGetPhysicalDeviceFeatures2;
import static org.lwjgl.vulkan.VK11.vkGetPhysicalDeviceProperties2;
import static org.lwjgl.vulkan.VK12.VK_API_VERSION_1_2;

import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.lwjgl.system.MemoryStack;
import org.lwjgl.vulkan.VK10;
import org.lwjgl.vulkan.VkCooperativeMatrixPropertiesKHR;
import org.lwjgl.vulkan.VkExtensionProperties;
import org.lwjgl.vulkan.VkPhysicalDevice;
import org.lwjgl.vulkan.VkPhysicalDeviceCooperativeMatrixFeaturesKHR;
import org.lwjgl.vulkan.VkPhysicalDeviceCooperativeMatrixPropertiesKHR;
import org.lwjgl.vulkan.VkPhysicalDeviceFeatures2;
import org.lwjgl.vulkan.VkPhysicalDeviceLimits;
import org.lwjgl.vulkan.VkPhysicalDeviceMaintenance3Properties;
import org.lwjgl.vulkan.VkPhysicalDeviceMemoryProperties;
import org.lwjgl.vulkan.VkPhysicalDeviceProperties;
import org.lwjgl.vulkan.VkPhysicalDeviceProperties2;
import org.lwjgl.vulkan.VkPhysicalDeviceShaderBfloat16FeaturesKHR;
import org.lwjgl.vulkan.VkPhysicalDeviceSubgroupProperties;
import org.lwjgl.vulkan.VkPhysicalDeviceVulkan12Properties;
import org.lwjgl.vulkan.VkQueueFamilyProperties;

/**
 * What is known of a device before it is opened.
 *
 * @param index among all devices that the loader lists
 * @param name the product's
 * @param driver its name and version
 * @param isSoftware whether the host's cores compute
 * @param apiVersion as Vulkan packs it
 * @param missing what the kernels need and the device lacks, in Vulkan's words
 * @param memoryBytes of the largest device-local heap
 * @param maxAllocationBytes of one allocation
 * @param queueFamily the one with compute and the least else
 * @param subgroupSize lanes
 * @param sharedBytes of a workgroup
 * @param pushBytes that a launch can push
 * @param maxGroupsX workgroups along x
 * @param nanosPerTick of timestamps; 0 if the queue has none
 * @param keepsSubnormals whether F32 arithmetic can be told to keep subnormals
 * @param keepsSpecials whether F32 arithmetic can be told to keep NaN, infinities and signed zeros
 * @param roundsToEven whether F32 arithmetic can be told to round to nearest even
 * @param hasBf16Tiles whether a subgroup multiplies matrices of 16 x 16 in BF16 and adds in F32
 */
record DeviceFacts(
    int index,
    String name,
    String driver,
    boolean isSoftware,
    int apiVersion,
    List<String> missing,
    long memoryBytes,
    long maxAllocationBytes,
    int queueFamily,
    int subgroupSize,
    int sharedBytes,
    int pushBytes,
    long maxGroupsX,
    double nanosPerTick,
    boolean keepsSubnormals,
    boolean keepsSpecials,
    boolean roundsToEven,
    boolean hasBf16Tiles) {
  /** Lanes of the subgroups that the kernel of tiles is made for. */
  private static final int TILE_LANES = 32;

  private static final int TILE = 16;

  /** Shared memory that the kernel of tiles takes. */
  static final int TILE_SHARED_BYTES = 40 << 10;

  /** What the kernel of tiles takes beyond Vulkan 1.2. */
  static final List<String> TILE_EXTENSIONS =
      List.of(VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME, VK_KHR_SHADER_BFLOAT16_EXTENSION_NAME);

  /** Copies the list. */
  DeviceFacts {
    missing = List.copyOf(missing);
  }

  /** Asks the driver; makes nothing on the device. */
  static DeviceFacts of(VkPhysicalDevice device, int index) {
    try (MemoryStack stack = stackPush()) {
      VkPhysicalDeviceProperties plain = VkPhysicalDeviceProperties.malloc(stack);
      vkGetPhysicalDeviceProperties(device, plain);
      if (plain.apiVersion() < VK_API_VERSION_1_2) {
        return tooOld(index, plain);
      }
      VkPhysicalDeviceSubgroupProperties lanes =
          VkPhysicalDeviceSubgroupProperties.calloc(stack).sType$Default();
      VkPhysicalDeviceVulkan12Properties floats =
          VkPhysicalDeviceVulkan12Properties.calloc(stack).sType$Default();
      VkPhysicalDeviceMaintenance3Properties sizes =
          VkPhysicalDeviceMaintenance3Properties.calloc(stack).sType$Default();
      VkPhysicalDeviceProperties2 all =
          VkPhysicalDeviceProperties2.calloc(stack)
              .sType$Default()
              .pNext(lanes)
              .pNext(floats)
              .pNext(sizes);
      vkGetPhysicalDeviceProperties2(device, all);
      VkPhysicalDeviceLimits limits = all.properties().limits();
      Features features = Features.none(stack);
      vkGetPhysicalDeviceFeatures2(
          device, features.all().pNext(features.newer()).pNext(features.older()));
      List<String> missing = new ArrayList<>(features.missing());
      missing.addAll(Features.missing(lanes, limits));
      VkQueueFamilyProperties.Buffer queues = queues(device, stack);
      int queue = computeQueue(queues);
      if (queue < 0) {
        missing.add("a queue with compute");
      }
      boolean hasTicks = queue >= 0 && queues.get(queue).timestampValidBits() > 0;
      return new DeviceFacts(
          index,
          plain.deviceNameString(),
          floats.driverNameString() + " " + floats.driverInfoString(),
          plain.deviceType() == VK_PHYSICAL_DEVICE_TYPE_CPU,
          plain.apiVersion(),
          missing,
          memoryBytes(device, stack),
          sizes.maxMemoryAllocationSize(),
          queue,
          lanes.subgroupSize(),
          limits.maxComputeSharedMemorySize(),
          limits.maxPushConstantsSize(),
          Integer.toUnsignedLong(limits.maxComputeWorkGroupCount(0)),
          hasTicks ? limits.timestampPeriod() : 0,
          floats.shaderDenormPreserveFloat32(),
          floats.shaderSignedZeroInfNanPreserveFloat32(),
          floats.shaderRoundingModeRTEFloat32(),
          lanes.subgroupSize() == TILE_LANES
              && limits.maxComputeSharedMemorySize() >= TILE_SHARED_BYTES
              && hasBf16Tiles(device, features, stack));
    }
  }

  private static DeviceFacts tooOld(int index, VkPhysicalDeviceProperties p) {
    return new DeviceFacts(
        index,
        p.deviceNameString(),
        "",
        p.deviceType() == VK_PHYSICAL_DEVICE_TYPE_CPU,
        p.apiVersion(),
        List.of("Vulkan 1.2"),
        0,
        0,
        -1,
        0,
        0,
        0,
        0,
        0,
        false,
        false,
        false,
        false);
  }

  private static VkQueueFamilyProperties.Buffer queues(VkPhysicalDevice device, MemoryStack stack) {
    IntBuffer count = stack.ints(0);
    vkGetPhysicalDeviceQueueFamilyProperties(device, count, null);
    VkQueueFamilyProperties.Buffer queues = VkQueueFamilyProperties.malloc(count.get(0), stack);
    vkGetPhysicalDeviceQueueFamilyProperties(device, count, queues);
    return queues;
  }

  /** A family for compute alone where there is one. */
  private static int computeQueue(VkQueueFamilyProperties.Buffer queues) {
    int found = -1;
    for (int i = 0; i < queues.capacity(); i++) {
      int flags = queues.get(i).queueFlags();
      if ((flags & VK_QUEUE_COMPUTE_BIT) != 0
          && (found < 0 || (flags & VK_QUEUE_GRAPHICS_BIT) == 0)) {
        found = i;
        if ((flags & VK_QUEUE_GRAPHICS_BIT) == 0) {
          break;
        }
      }
    }
    return found;
  }

  private static long memoryBytes(VkPhysicalDevice device, MemoryStack stack) {
    VkPhysicalDeviceMemoryProperties memory = VkPhysicalDeviceMemoryProperties.malloc(stack);
    vkGetPhysicalDeviceMemoryProperties(device, memory);
    long largest = 0;
    for (int i = 0; i < memory.memoryHeapCount(); i++) {
      if ((memory.memoryHeaps(i).flags() & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) != 0) {
        largest = Math.max(largest, memory.memoryHeaps(i).size());
      }
    }
    return largest;
  }

  /** Asks for the extensions, then for their features, then for the shapes. */
  private static boolean hasBf16Tiles(
      VkPhysicalDevice device, Features features, MemoryStack stack) {
    if (!features.newer().vulkanMemoryModel()
        || !extensions(device).containsAll(TILE_EXTENSIONS)
        || !hasTileFeatures(device, stack)) {
      return false;
    }
    IntBuffer count = stack.ints(0);
    String call = "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR";
    Results.check(vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR(device, count, null), call);
    VkCooperativeMatrixPropertiesKHR.Buffer shapes =
        VkCooperativeMatrixPropertiesKHR.calloc(count.get(0), stack);
    shapes.forEach(VkCooperativeMatrixPropertiesKHR::sType$Default);
    Results.check(vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR(device, count, shapes), call);
    return shapes.stream().anyMatch(DeviceFacts::isTile);
  }

  private static boolean isTile(VkCooperativeMatrixPropertiesKHR s) {
    return s.MSize() == TILE
        && s.NSize() == TILE
        && s.KSize() == TILE
        && s.AType() == VK_COMPONENT_TYPE_BFLOAT16_KHR
        && s.BType() == VK_COMPONENT_TYPE_BFLOAT16_KHR
        && s.CType() == VK_COMPONENT_TYPE_FLOAT32_KHR
        && s.ResultType() == VK_COMPONENT_TYPE_FLOAT32_KHR
        && s.scope() == VK_SCOPE_SUBGROUP_KHR;
  }

  private static boolean hasTileFeatures(VkPhysicalDevice device, MemoryStack stack) {
    VkPhysicalDeviceCooperativeMatrixFeaturesKHR matrices =
        VkPhysicalDeviceCooperativeMatrixFeaturesKHR.calloc(stack).sType$Default();
    VkPhysicalDeviceShaderBfloat16FeaturesKHR bf16 =
        VkPhysicalDeviceShaderBfloat16FeaturesKHR.calloc(stack).sType$Default();
    VkPhysicalDeviceFeatures2 all =
        VkPhysicalDeviceFeatures2.calloc(stack).sType$Default().pNext(matrices).pNext(bf16);
    vkGetPhysicalDeviceFeatures2(device, all);
    VkPhysicalDeviceCooperativeMatrixPropertiesKHR stages =
        VkPhysicalDeviceCooperativeMatrixPropertiesKHR.calloc(stack).sType$Default();
    vkGetPhysicalDeviceProperties2(
        device, VkPhysicalDeviceProperties2.calloc(stack).sType$Default().pNext(stages));
    return matrices.cooperativeMatrix()
        && (stages.cooperativeMatrixSupportedStages() & VK_SHADER_STAGE_COMPUTE_BIT) != 0
        && bf16.shaderBFloat16Type()
        && bf16.shaderBFloat16CooperativeMatrix();
  }

  private static Set<String> extensions(VkPhysicalDevice device) {
    try (MemoryStack stack = stackPush()) {
      IntBuffer count = stack.ints(0);
      String call = "vkEnumerateDeviceExtensionProperties";
      Results.check(vkEnumerateDeviceExtensionProperties(device, (String) null, count, null), call);
      // Some hundreds, which a stack has no room for.
      VkExtensionProperties.Buffer all = VkExtensionProperties.malloc(count.get(0));
      try {
        Results.check(
            vkEnumerateDeviceExtensionProperties(device, (String) null, count, all), call);
        Set<String> names = new HashSet<>();
        all.forEach(e -> names.add(e.extensionNameString()));
        return names;
      } finally {
        all.free();
      }
    }
  }

  /** Vulkan's version in people's form. */
  String api() {
    return VK10.VK_VERSION_MAJOR(apiVersion) + "." + VK10.VK_VERSION_MINOR(apiVersion);
  }
}
