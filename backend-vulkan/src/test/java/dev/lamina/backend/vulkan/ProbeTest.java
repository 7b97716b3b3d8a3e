package dev.lamina.backend.vulkan;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

/** What a probe answers for devices that are there, and for drivers that are not. */
class ProbeTest {
  private static DeviceFacts device(int index, String name, boolean software, String... missing) {
    return new DeviceFacts(
        index,
        name,
        "a driver 1.0",
        software,
        0x402000,
        List.of(missing),
        1L << 30,
        1L << 29,
        0,
        32,
        48 << 10,
        65535,
        1,
        true,
        true,
        true,
        false);
  }

  @Test
  void noDevice_isAbsent() {
    assertThat(Probe.sort(List.of()))
        .isEqualTo(new Probe.Absent("vulkan: the drivers find no device"));
  }

  @Test
  void deviceWithoutFeatures_isBroken_andSaysWhichAreMissing() {
    DeviceFacts old = device(0, "Old Card", false, "shaderInt64", "bufferDeviceAddress");
    assertThat(Probe.sort(List.of(old)))
        .isInstanceOfSatisfying(
            Probe.Broken.class,
            b ->
                assertThat(b.why())
                    .isEqualTo(
                        "vulkan: expected a device with Vulkan 1.2 and the features of its kernels,"
                            + " got Old Card without shaderInt64, bufferDeviceAddress; a newer"
                            + " driver may bring them"));
  }

  @Test
  void software_comesAfterGpus_andWhatLacksSomethingIsLeftOut() {
    DeviceFacts software = device(0, "llvmpipe", true);
    DeviceFacts old = device(1, "Old Card", false, "shaderInt64");
    DeviceFacts card = device(2, "Card", false);
    assertThat(Probe.sort(List.of(software, old, card)))
        .isEqualTo(new Probe.Available(List.of(card, software)));
  }

  @Test
  void withoutLoader_isAbsent_andNamesThePackage() throws Exception {
    String answer = ChildJvm.run(Main.class, "-Dorg.lwjgl.vulkan.libname=libno-such-vulkan.so.1");
    assertThat(answer)
        .contains("Absent")
        .contains("vulkan: libvulkan.so.1 can't be loaded")
        .contains("libvulkan1 or vulkan-loader");
  }

  @Test
  void withoutDriver_isAbsent_andSaysWhereManifestsLie() throws Exception {
    Devices.assumeLoader();
    String answer =
        ChildJvm.run(
            Main.class,
            List.of(),
            List.of("VK_ICD_FILENAMES=/no/such.json", "VK_DRIVER_FILES=/no/such.json"));
    assertThat(answer)
        .contains("Absent")
        .contains("vulkan: the loader finds no driver")
        .contains("VK_DRIVER_FILES");
  }

  @Test
  void aProbe_leavesNothingBehind_andCanBeRepeated() {
    Devices.assumeLoader();
    assertThat(Probe.run()).isEqualTo(Probe.run());
  }

  /** Prints what a probe answers. */
  static final class Main {
    private Main() {}

    public static void main(String[] args) {
      System.out.println(new VulkanBackendProvider().probe());
    }
  }
}
