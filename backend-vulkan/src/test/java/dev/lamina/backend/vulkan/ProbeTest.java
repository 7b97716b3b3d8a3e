package dev.lamina.backend.vulkan;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a probe answers for devices that are there, and for drivers that are not. */
class ProbeTest {
  static DeviceFacts device(int index, String name, boolean software, String... missing) {
    return device(index, name, software, List.of(missing), false);
  }

  static DeviceFacts deviceWithTiles() {
    return device(0, "Card", false, List.of(), true);
  }

  private static DeviceFacts device(
      int index, String name, boolean software, List<String> missing, boolean tiles) {
    return new DeviceFacts(
        index,
        name,
        "a driver 1.0",
        software,
        0x402000,
        missing,
        1L << 30,
        1L << 29,
        0,
        32,
        48 << 10,
        128,
        65535,
        1,
        true,
        true,
        true,
        tiles);
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
    String answer = ChildJvm.run(Main.class, "-Dorg.lwjgl.vulkan.libname=no-such-vulkan");
    assertThat(answer.strip())
        .isEqualTo(
            "Absent[why=vulkan: libvulkan.so.1 can't be loaded (Failed to locate library:"
                + " libno-such-vulkan.so); a distribution's package is libvulkan1 or"
                + " vulkan-loader]");
  }

  @Test
  void withoutLibraryOfLwjgl_isBroken_andSaysSoInOneLine() throws Exception {
    String answer = ChildJvm.run(Main.class, "-Dorg.lwjgl.libname=no-such-lwjgl");
    assertThat(answer.strip())
        .isEqualTo(
            "Broken[why=vulkan: LWJGL does not load (Failed to locate library:"
                + " libno-such-lwjgl.so); add the natives of lwjgl for this system,"
                + " cause=java.lang.UnsatisfiedLinkError: Failed to locate library:"
                + " libno-such-lwjgl.so]");
  }

  @Test
  void startsAtOnce_shareOneLibrary_andLeaveNothingElsewhere(@TempDir Path folder)
      throws Exception {
    Path current = Files.createDirectory(folder.resolve("current"));
    Path cache = folder.resolve("cache");
    List<Process> starts = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      ProcessBuilder start = ChildJvm.builder(Main.class, List.of("-Djava.io.tmpdir=" + current));
      start.environment().put("LAMINA_LWJGL_CACHE", cache.toString());
      starts.add(start.directory(current.toFile()).start());
    }
    for (Process start : starts) {
      assertThat(ChildJvm.output(start)).matches("(Available|Absent)[^\n]*\n");
    }
    assertThat(current).isEmptyDirectory();
    assertThat(cache)
        .isDirectoryContaining(file -> file.getFileName().toString().endsWith("-liblwjgl.so"));
    try (Stream<Path> files = Files.list(cache)) {
      assertThat(files).hasSize(1);
    }
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
