package dev.lamina.backend.vulkan;

import static org.lwjgl.vulkan.VK10.VK_SHADER_STAGE_COMPUTE_BIT;
import static org.lwjgl.vulkan.VK11.VK_SUBGROUP_FEATURE_BASIC_BIT;
import static org.lwjgl.vulkan.VK11.VK_SUBGROUP_FEATURE_SHUFFLE_BIT;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.lwjgl.system.MemoryStack;
import org.lwjgl.vulkan.VkPhysicalDeviceFeatures;
import org.lwjgl.vulkan.VkPhysicalDeviceFeatures2;
import org.lwjgl.vulkan.VkPhysicalDeviceLimits;
import org.lwjgl.vulkan.VkPhysicalDeviceSubgroupProperties;
import org.lwjgl.vulkan.VkPhysicalDeviceVulkan11Features;
import org.lwjgl.vulkan.VkPhysicalDeviceVulkan12Features;

/**
 * The features of a device, as Vulkan tells of them and is told of them. What the kernels need is
 * one list, for a probe and for whoever opens the device.
 *
 * @param all the first version's, which the others are not chained to yet
 * @param older of Vulkan 1.1
 * @param newer of Vulkan 1.2
 */
record Features(
    VkPhysicalDeviceFeatures2 all,
    VkPhysicalDeviceVulkan11Features older,
    VkPhysicalDeviceVulkan12Features newer) {
  /** Shared memory that the kernels take, unless a launch asks for more. */
  static final int MIN_SHARED_BYTES = 32 << 10;

  /** Threads of the largest workgroup. */
  static final int MIN_THREADS = 1024;

  private static final int SUBGROUP_OPS =
      VK_SUBGROUP_FEATURE_BASIC_BIT | VK_SUBGROUP_FEATURE_SHUFFLE_BIT;

  /** A feature that the kernels, or the host's side, can't do without. */
  enum Needed {
    SHADER_INT64("shaderInt64", f -> f.first().shaderInt64(), f -> f.first().shaderInt64(true)),
    SHADER_INT16("shaderInt16", f -> f.first().shaderInt16(), f -> f.first().shaderInt16(true)),
    STORAGE_16(
        "storageBuffer16BitAccess",
        f -> f.older.storageBuffer16BitAccess(),
        f -> f.older.storageBuffer16BitAccess(true)),
    STORAGE_8(
        "storageBuffer8BitAccess",
        f -> f.newer.storageBuffer8BitAccess(),
        f -> f.newer.storageBuffer8BitAccess(true)),
    SHADER_INT8("shaderInt8", f -> f.newer.shaderInt8(), f -> f.newer.shaderInt8(true)),
    SCALAR_LAYOUT(
        "scalarBlockLayout",
        f -> f.newer.scalarBlockLayout(),
        f -> f.newer.scalarBlockLayout(true)),
    ADDRESSES(
        "bufferDeviceAddress",
        f -> f.newer.bufferDeviceAddress(),
        f -> f.newer.bufferDeviceAddress(true)),
    TIMELINES(
        "timelineSemaphore",
        f -> f.newer.timelineSemaphore(),
        f -> f.newer.timelineSemaphore(true));

    /** Vulkan's name. */
    final String text;

    private final Predicate<Features> has;
    private final Consumer<Features> ask;

    Needed(String text, Predicate<Features> has, Consumer<Features> ask) {
      this.text = text;
      this.has = has;
      this.ask = ask;
    }
  }

  /** None of them, on a stack. */
  static Features none(MemoryStack stack) {
    return new Features(
        VkPhysicalDeviceFeatures2.calloc(stack).sType$Default(),
        VkPhysicalDeviceVulkan11Features.calloc(stack).sType$Default(),
        VkPhysicalDeviceVulkan12Features.calloc(stack).sType$Default());
  }

  /** Those that the kernels need, on a stack. */
  static Features needed(MemoryStack stack) {
    Features features = none(stack);
    for (Needed needed : Needed.values()) {
      needed.ask.accept(features);
    }
    return features;
  }

  private VkPhysicalDeviceFeatures first() {
    return all.features();
  }

  /** Names of the features that these lack. */
  List<String> missing() {
    return Stream.of(Needed.values()).filter(n -> !n.has.test(this)).map(n -> n.text).toList();
  }

  /** What the kernels need beside features, and a device lacks. */
  static List<String> missing(
      VkPhysicalDeviceSubgroupProperties lanes, VkPhysicalDeviceLimits limits) {
    List<String> missing = new ArrayList<>();
    boolean shuffles =
        (lanes.supportedOperations() & SUBGROUP_OPS) == SUBGROUP_OPS
            && (lanes.supportedStages() & VK_SHADER_STAGE_COMPUTE_BIT) != 0;
    need(missing, shuffles, "subgroup shuffles in compute shaders");
    need(
        missing,
        lanes.subgroupSize() >= 8 && lanes.subgroupSize() <= 64,
        "subgroups of 8 to 64 lanes");
    need(
        missing,
        limits.maxComputeSharedMemorySize() >= MIN_SHARED_BYTES,
        MIN_SHARED_BYTES + " bytes of shared memory");
    need(
        missing,
        limits.maxComputeWorkGroupInvocations() >= MIN_THREADS
            && limits.maxComputeWorkGroupSize(0) >= MIN_THREADS,
        "workgroups of " + MIN_THREADS);
    return missing;
  }

  private static void need(List<String> missing, boolean has, String what) {
    if (!has) {
      missing.add(what);
    }
  }
}
