package dev.lamina.backend.vulkan;

import static org.lwjgl.system.MemoryStack.stackPush;
import static org.lwjgl.vulkan.VK10.VK_SHADER_STAGE_COMPUTE_BIT;
import static org.lwjgl.vulkan.VK10.vkCreateComputePipelines;
import static org.lwjgl.vulkan.VK10.vkCreatePipelineLayout;
import static org.lwjgl.vulkan.VK10.vkCreateShaderModule;
import static org.lwjgl.vulkan.VK10.vkDestroyPipeline;
import static org.lwjgl.vulkan.VK10.vkDestroyPipelineLayout;
import static org.lwjgl.vulkan.VK10.vkDestroyShaderModule;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.lwjgl.system.MemoryStack;
import org.lwjgl.system.MemoryUtil;
import org.lwjgl.vulkan.VkComputePipelineCreateInfo;
import org.lwjgl.vulkan.VkDevice;
import org.lwjgl.vulkan.VkPipelineLayoutCreateInfo;
import org.lwjgl.vulkan.VkPipelineShaderStageCreateInfo;
import org.lwjgl.vulkan.VkPushConstantRange;
import org.lwjgl.vulkan.VkShaderModuleCreateInfo;
import org.lwjgl.vulkan.VkSpecializationInfo;
import org.lwjgl.vulkan.VkSpecializationMapEntry;

/** The kernels of the jar as pipelines, made when first launched. Used by one thread at a time. */
final class Pipelines {
  /** Address of the struct, first workgroup, number of workgroups: {@code Launch} of a kernel. */
  static final int PUSH_BYTES = 16;

  private final VkDevice device;
  private final DeviceFacts facts;
  private final long layout;
  private final Map<String, Integer> known = new HashMap<>();
  private final List<Kernel> kernels = new ArrayList<>();

  /** A kernel, with a pipeline for each amount of shared memory that it was launched with. */
  private static final class Kernel {
    final String name;
    final long module;
    final Map<Integer, Long> pipelines = new HashMap<>();

    Kernel(String name, long module) {
      this.name = name;
      this.module = module;
    }
  }

  Pipelines(VkDevice device, DeviceFacts facts) {
    this.device = device;
    this.facts = facts;
    try (MemoryStack stack = stackPush()) {
      VkPushConstantRange.Buffer range =
          VkPushConstantRange.calloc(1, stack)
              .stageFlags(VK_SHADER_STAGE_COMPUTE_BIT)
              .size(PUSH_BYTES);
      VkPipelineLayoutCreateInfo info =
          VkPipelineLayoutCreateInfo.calloc(stack).sType$Default().pPushConstantRanges(range);
      var made = stack.mallocLong(1);
      Results.check(vkCreatePipelineLayout(device, info, null, made), "vkCreatePipelineLayout");
      this.layout = made.get(0);
    }
  }

  long layout() {
    return layout;
  }

  /** The name of a kernel, for messages. */
  String name(int kernel) {
    return kernels.get(kernel).name;
  }

  /**
   * A kernel.
   *
   * @param file its source, without the ending
   * @param name the kernel's
   * @return its index
   */
  int kernel(String file, String name) {
    String key = file + "." + name;
    Integer index = known.get(key);
    if (index != null) {
      return index;
    }
    kernels.add(new Kernel(key, module(key)));
    known.put(key, kernels.size() - 1);
    return kernels.size() - 1;
  }

  private long module(String key) {
    int[] words = FloatControls.add(words(key), facts);
    ByteBuffer code = MemoryUtil.memAlloc(4 * words.length);
    try (MemoryStack stack = stackPush()) {
      code.asIntBuffer().put(words);
      VkShaderModuleCreateInfo info =
          VkShaderModuleCreateInfo.calloc(stack).sType$Default().pCode(code);
      var made = stack.mallocLong(1);
      Results.check(vkCreateShaderModule(device, info, null, made), "kernel " + key);
      return made.get(0);
    } finally {
      MemoryUtil.memFree(code);
    }
  }

  private static int[] words(String key) {
    try (InputStream in = Pipelines.class.getResourceAsStream("spv/" + key + ".spv")) {
      if (in == null) {
        throw new IllegalStateException(
            "kernel %s: expected spv/%s.spv in the jar of backend-vulkan, which has it not"
                .formatted(key, key));
      }
      byte[] bytes = in.readAllBytes();
      int[] words = new int[bytes.length / 4];
      ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asIntBuffer().get(words);
      return words;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * A pipeline.
   *
   * @param kernel from {@link #kernel}
   * @param sharedBytes of the launch, beside what the kernel has by itself
   */
  long pipeline(int kernel, int sharedBytes) {
    Kernel k = kernels.get(kernel);
    // Few sizes, so that few pipelines are made of a kernel.
    int bytes = sharedBytes <= 4 ? 4 : Math.max(256, Integer.highestOneBit(sharedBytes - 1) << 1);
    int words = Math.max(sharedBytes, Math.min(bytes, facts.sharedBytes() / 4 * 3)) / 4;
    Long made = k.pipelines.get(words);
    if (made == null) {
      made = make(k, words);
      k.pipelines.put(words, made);
    }
    return made;
  }

  private long make(Kernel k, int sharedWords) {
    try (MemoryStack stack = stackPush()) {
      VkSpecializationMapEntry.Buffer entries =
          VkSpecializationMapEntry.calloc(1, stack).constantID(0).offset(0).size(4);
      VkSpecializationInfo constants =
          VkSpecializationInfo.calloc(stack)
              .pMapEntries(entries)
              .pData(stack.malloc(4).putInt(0, sharedWords));
      VkPipelineShaderStageCreateInfo stage =
          VkPipelineShaderStageCreateInfo.calloc(stack)
              .sType$Default()
              .stage(VK_SHADER_STAGE_COMPUTE_BIT)
              .module(k.module)
              .pName(stack.UTF8("main"))
              .pSpecializationInfo(constants);
      VkComputePipelineCreateInfo.Buffer info =
          VkComputePipelineCreateInfo.calloc(1, stack).sType$Default().stage(stage).layout(layout);
      var made = stack.mallocLong(1);
      Results.check(vkCreateComputePipelines(device, 0, info, null, made), "kernel " + k.name);
      return made.get(0);
    }
  }

  /** Destroys all of them. */
  void close() {
    for (Kernel k : kernels) {
      for (long pipeline : k.pipelines.values()) {
        vkDestroyPipeline(device, pipeline, null);
      }
      vkDestroyShaderModule(device, k.module, null);
    }
    vkDestroyPipelineLayout(device, layout, null);
  }
}
