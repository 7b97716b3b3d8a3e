package dev.lamina.backend.vulkan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.lwjgl.system.MemoryStack.stackPush;
import static org.lwjgl.system.MemoryUtil.memGetAddress;
import static org.lwjgl.system.MemoryUtil.memGetInt;
import static org.lwjgl.system.MemoryUtil.memPutInt;

import dev.lamina.backend.vulkan.Features.Needed;
import java.io.IOException;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.lwjgl.system.MemoryStack;
import org.lwjgl.vulkan.VkDeviceCreateInfo;
import org.lwjgl.vulkan.VkPhysicalDeviceCooperativeMatrixFeaturesKHR;
import org.lwjgl.vulkan.VkPhysicalDeviceFeatures2;
import org.lwjgl.vulkan.VkPhysicalDeviceLimits;
import org.lwjgl.vulkan.VkPhysicalDeviceProperties;
import org.lwjgl.vulkan.VkPhysicalDeviceShaderBfloat16FeaturesKHR;
import org.lwjgl.vulkan.VkPhysicalDeviceSubgroupProperties;
import org.lwjgl.vulkan.VkPhysicalDeviceVulkan11Features;
import org.lwjgl.vulkan.VkPhysicalDeviceVulkan12Features;

/** What is asked of a device, against what the kernels use and what it is opened with. */
class FeaturesTest {
  /** What a kernel uses beside what every device of Vulkan 1.2 has, and the feature for it. */
  private static final Map<Integer, Needed> NEEDED =
      Map.of(
          11, Needed.SHADER_INT64,
          22, Needed.SHADER_INT16,
          39, Needed.SHADER_INT8,
          4433, Needed.STORAGE_16,
          4448, Needed.STORAGE_8,
          5347, Needed.ADDRESSES);

  /** Shader; basic operations of subgroups and shuffles. */
  private static final Set<Integer> ASKED_OTHERWISE = Set.of(1, 61, 65);

  /** VulkanMemoryModel; BF16, alone and in cooperative matrices; those. */
  private static final Set<Integer> OF_TILES = Set.of(5345, 5116, 5118, 6022);

  /** What kernels with shared memory of a launch's size may have beside it. */
  private static final int BESIDE = 4 << 10;

  private static final int COMPUTE = 0x20;
  private static final int BASIC_AND_SHUFFLE = 0x1 | 0x10;

  @BeforeAll
  static void load() {
    Lwjgl.load();
  }

  @Test
  void everyFeatureThatAKernelUses_isAskedFor_andNoOther() throws Exception {
    Set<Needed> used = EnumSet.noneOf(Needed.class);
    for (Path file : SpirvModule.files()) {
      boolean isTile = file.getFileName().toString().startsWith("products.tile_bf16.");
      for (int capability : SpirvModule.read(file).capabilities()) {
        if (NEEDED.containsKey(capability)) {
          used.add(NEEDED.get(capability));
        } else if (!ASKED_OTHERWISE.contains(capability)) {
          assertThat(isTile && OF_TILES.contains(capability))
              .as("%s: nobody asks a device for the capability %d", file.getFileName(), capability)
              .isTrue();
        }
      }
    }
    // Neither is a capability: a layout of blocks, and a call of the host's.
    used.add(Needed.SCALAR_LAYOUT);
    used.add(Needed.TIMELINES);
    assertThat(used).containsExactlyInAnyOrder(Needed.values());
  }

  @Test
  void kernels_stayWithinTheLimitsThatAreAskedFor() throws IOException {
    for (Path file : SpirvModule.files()) {
      SpirvModule module = SpirvModule.read(file);
      String name = file.getFileName().toString();
      assertThat(module.threads()).as(name).isBetween(32, Features.MIN_THREADS);
      if (module.hasLaunchSize()) {
        assertThat(module.sharedBytes()).as(name).isLessThanOrEqualTo(BESIDE);
      } else {
        int limit =
            name.startsWith("products.tile_bf16.")
                ? DeviceFacts.TILE_SHARED_BYTES
                : Features.MIN_SHARED_BYTES;
        assertThat(module.sharedBytes()).as(name).isLessThanOrEqualTo(limit);
      }
    }
  }

  @Test
  void aFeatureThatIsMissing_isNamed() {
    try (MemoryStack stack = stackPush()) {
      assertThat(Features.needed(stack).missing()).isEmpty();
      assertThat(Features.none(stack).missing())
          .containsExactly(
              "shaderInt64",
              "shaderInt16",
              "storageBuffer16BitAccess",
              "storageBuffer8BitAccess",
              "shaderInt8",
              "scalarBlockLayout",
              "bufferDeviceAddress",
              "timelineSemaphore");
      Features old = Features.needed(stack);
      old.all().features().shaderInt16(false);
      old.older().storageBuffer16BitAccess(false);
      old.newer().bufferDeviceAddress(false);
      assertThat(old.missing())
          .containsExactly("shaderInt16", "storageBuffer16BitAccess", "bufferDeviceAddress");
    }
  }

  /** What a device that is good enough for all kernels tells, with some of it changed. */
  private static List<String> missing(Map<Integer, Integer> lanes, Map<Integer, Integer> limits) {
    try (MemoryStack stack = stackPush()) {
      VkPhysicalDeviceSubgroupProperties l = VkPhysicalDeviceSubgroupProperties.calloc(stack);
      memPutInt(l.address() + VkPhysicalDeviceSubgroupProperties.SUBGROUPSIZE, 8);
      memPutInt(l.address() + VkPhysicalDeviceSubgroupProperties.SUPPORTEDSTAGES, COMPUTE);
      memPutInt(
          l.address() + VkPhysicalDeviceSubgroupProperties.SUPPORTEDOPERATIONS, BASIC_AND_SHUFFLE);
      lanes.forEach((at, value) -> memPutInt(l.address() + at, value));
      VkPhysicalDeviceLimits m = VkPhysicalDeviceProperties.calloc(stack).limits();
      memPutInt(m.address() + VkPhysicalDeviceLimits.MAXCOMPUTESHAREDMEMORYSIZE, 32768);
      memPutInt(m.address() + VkPhysicalDeviceLimits.MAXCOMPUTEWORKGROUPINVOCATIONS, 1024);
      memPutInt(m.address() + VkPhysicalDeviceLimits.MAXCOMPUTEWORKGROUPSIZE, 1024);
      limits.forEach((at, value) -> memPutInt(m.address() + at, value));
      return Features.missing(l, m);
    }
  }

  @Test
  void aLimitThatIsTooLow_isNamed() {
    assertThat(missing(Map.of(), Map.of())).isEmpty();
    assertThat(missing(Map.of(VkPhysicalDeviceSubgroupProperties.SUBGROUPSIZE, 4), Map.of()))
        .containsExactly("subgroups of 8 to 64 lanes");
    assertThat(missing(Map.of(VkPhysicalDeviceSubgroupProperties.SUBGROUPSIZE, 128), Map.of()))
        .containsExactly("subgroups of 8 to 64 lanes");
    assertThat(missing(Map.of(VkPhysicalDeviceSubgroupProperties.SUPPORTEDOPERATIONS, 1), Map.of()))
        .containsExactly("subgroup shuffles in compute shaders");
    assertThat(missing(Map.of(VkPhysicalDeviceSubgroupProperties.SUPPORTEDSTAGES, 1), Map.of()))
        .containsExactly("subgroup shuffles in compute shaders");
    assertThat(missing(Map.of(), Map.of(VkPhysicalDeviceLimits.MAXCOMPUTESHAREDMEMORYSIZE, 16384)))
        .containsExactly("32768 bytes of shared memory");
    assertThat(missing(Map.of(), Map.of(VkPhysicalDeviceLimits.MAXCOMPUTEWORKGROUPSIZE, 512)))
        .containsExactly("workgroups of 1024");
    assertThat(
            missing(Map.of(), Map.of(VkPhysicalDeviceLimits.MAXCOMPUTEWORKGROUPINVOCATIONS, 256)))
        .containsExactly("workgroups of 1024");
  }

  /** The structs that a device is made with, by their type. */
  private static Map<Integer, Long> chain(VkDeviceCreateInfo info) {
    Map<Integer, Long> chain = new HashMap<>();
    for (long at = info.pNext(); at != 0; at = memGetAddress(at + 8)) {
      assertThat(chain.put(memGetInt(at), at)).as("structs of one type in the chain").isNull();
    }
    return chain;
  }

  private static Features features(Map<Integer, Long> chain, MemoryStack stack) {
    Features types = Features.none(stack);
    return new Features(
        VkPhysicalDeviceFeatures2.create(chain.get(types.all().sType())),
        VkPhysicalDeviceVulkan11Features.create(chain.get(types.older().sType())),
        VkPhysicalDeviceVulkan12Features.create(chain.get(types.newer().sType())));
  }

  @Test
  void aDevice_isOpenedWithEveryFeatureThatIsNeeded() {
    try (MemoryStack stack = stackPush()) {
      VkDeviceCreateInfo info = OpenedDevice.info(ProbeTest.device(0, "d", false), stack);
      Map<Integer, Long> chain = chain(info);
      assertThat(chain).hasSize(3);
      Features features = features(chain, stack);
      assertThat(features.missing()).isEmpty();
      assertThat(features.newer().vulkanMemoryModel()).isFalse();
      assertThat(info.ppEnabledExtensionNames()).isNull();
    }
  }

  @Test
  void aDeviceWithTiles_isOpenedWithTheirFeaturesAndExtensionsToo() {
    try (MemoryStack stack = stackPush()) {
      VkDeviceCreateInfo info = OpenedDevice.info(ProbeTest.deviceWithTiles(), stack);
      Map<Integer, Long> chain = chain(info);
      assertThat(chain).hasSize(5);
      Features features = features(chain, stack);
      assertThat(features.missing()).isEmpty();
      assertThat(features.newer().vulkanMemoryModel()).isTrue();
      var matrices =
          VkPhysicalDeviceCooperativeMatrixFeaturesKHR.create(
              chain.get(
                  VkPhysicalDeviceCooperativeMatrixFeaturesKHR.calloc(stack)
                      .sType$Default()
                      .sType()));
      assertThat(matrices.cooperativeMatrix()).isTrue();
      var bf16 =
          VkPhysicalDeviceShaderBfloat16FeaturesKHR.create(
              chain.get(
                  VkPhysicalDeviceShaderBfloat16FeaturesKHR.calloc(stack).sType$Default().sType()));
      assertThat(bf16.shaderBFloat16Type()).isTrue();
      assertThat(bf16.shaderBFloat16CooperativeMatrix()).isTrue();
      Set<String> names = new TreeSet<>();
      for (int i = 0; i < info.enabledExtensionCount(); i++) {
        names.add(info.ppEnabledExtensionNames().getStringUTF8(i));
      }
      assertThat(names).isEqualTo(new TreeSet<>(DeviceFacts.TILE_EXTENSIONS));
    }
  }
}
