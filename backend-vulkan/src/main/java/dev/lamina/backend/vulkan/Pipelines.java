package dev.lamina.backend.vulkan;

import static java.util.Objects.requireNonNull;
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
import org.jspecify.annotations.Nullable;
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
  /** First workgroup and number of workgroups, which are pushed ahead of the parameters. */
  static final int PUSH_HEAD = 8;

  /** Most that is pushed with a launch. */
  static final int MAX_PUSH_BYTES = 256;

  private final VkDevice device;
  private final DeviceFacts facts;
  private final long layout;
  private final Map<String, Integer> known = new HashMap<>();
  private final List<Kernel> kernels = new ArrayList<>();

  /**
   * A kernel: in the form that is given its parameters' address, and in that they are pushed to.
   */
  private record Kernel(String name, Form addressed, @Nullable Form pushed) {}

  /** A module, with a pipeline for each amount of shared memory that it was launched with. */
  private static final class Form {
    final String file;
    final Map<Integer, Long> pipelines = new HashMap<>();
    long module;

    Form(String file) {
      this.file = file;
    }
  }

  Pipelines(VkDevice device, DeviceFacts facts) {
    this.device = device;
    this.facts = facts;
    try (MemoryStack stack = stackPush()) {
      VkPushConstantRange.Buffer range =
          VkPushConstantRange.calloc(1, stack)
              .stageFlags(VK_SHADER_STAGE_COMPUTE_BIT)
              .size(pushBytes());
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

  /** Bytes that a launch may push, at least 16 and a multiple of 4. */
  private int pushBytes() {
    return Math.min(facts.pushBytes(), MAX_PUSH_BYTES) & -4;
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
    Form addressed = new Form("spv/" + key + ".spv");
    addressed.module = module(addressed);
    Form pushed = new Form("spv/" + key + ".pushed.spv");
    boolean pushes = Pipelines.class.getResource(pushed.file) != null;
    kernels.add(new Kernel(key, addressed, pushes ? pushed : null));
    known.put(key, kernels.size() - 1);
    return kernels.size() - 1;
  }

  private long module(Form form) {
    int[] words = FloatControls.add(words(form.file), facts);
    ByteBuffer code = MemoryUtil.memAlloc(4 * words.length);
    try (MemoryStack stack = stackPush()) {
      code.asIntBuffer().put(words);
      VkShaderModuleCreateInfo info =
          VkShaderModuleCreateInfo.calloc(stack).sType$Default().pCode(code);
      var made = stack.mallocLong(1);
      Results.check(vkCreateShaderModule(device, info, null, made), "kernel " + form.file);
      return made.get(0);
    } finally {
      MemoryUtil.memFree(code);
    }
  }

  private static int[] words(String file) {
    try (InputStream in = Pipelines.class.getResourceAsStream(file)) {
      if (in == null) {
        throw new IllegalStateException(
            "kernel: expected %s in the jar of backend-vulkan, which has it not".formatted(file));
      }
      byte[] bytes = in.readAllBytes();
      int[] words = new int[bytes.length / 4];
      ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asIntBuffer().get(words);
      return words;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Whether a launch pushes a struct of so many bytes, rather than its address. */
  boolean pushes(int kernel, long structBytes) {
    return kernels.get(kernel).pushed != null && PUSH_HEAD + structBytes <= pushBytes();
  }

  /**
   * A pipeline.
   *
   * @param kernel from {@link #kernel}
   * @param pushed whether parameters are pushed, of {@link #pushes}
   * @param sharedBytes of the launch, beside what the kernel has by itself
   */
  long pipeline(int kernel, boolean pushed, int sharedBytes) {
    Kernel k = kernels.get(kernel);
    Form form = pushed ? requireNonNull(k.pushed) : k.addressed;
    // Few sizes, so that few pipelines are made of a kernel.
    int bytes = sharedBytes <= 4 ? 4 : Math.max(256, Integer.highestOneBit(sharedBytes - 1) << 1);
    int words = Math.max(sharedBytes, Math.min(bytes, facts.sharedBytes() / 4 * 3)) / 4;
    Long made = form.pipelines.get(words);
    if (made == null) {
      made = make(k.name, form, words);
      form.pipelines.put(words, made);
    }
    return made;
  }

  private long make(String name, Form form, int sharedWords) {
    if (form.module == 0) {
      form.module = module(form);
    }
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
              .module(form.module)
              .pName(stack.UTF8("main"))
              .pSpecializationInfo(constants);
      VkComputePipelineCreateInfo.Buffer info =
          VkComputePipelineCreateInfo.calloc(1, stack).sType$Default().stage(stage).layout(layout);
      var made = stack.mallocLong(1);
      Results.check(vkCreateComputePipelines(device, 0, info, null, made), "kernel " + name);
      return made.get(0);
    }
  }

  /** Destroys all of them. */
  void close() {
    for (Kernel k : kernels) {
      destroy(k.addressed);
      if (k.pushed != null) {
        destroy(k.pushed);
      }
    }
    vkDestroyPipelineLayout(device, layout, null);
  }

  private void destroy(Form form) {
    for (long pipeline : form.pipelines.values()) {
      vkDestroyPipeline(device, pipeline, null);
    }
    vkDestroyShaderModule(device, form.module, null);
  }
}
