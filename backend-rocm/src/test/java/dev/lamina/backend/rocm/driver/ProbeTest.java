package dev.lamina.backend.rocm.driver;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.backend.rocm.library.HipLibrary;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The three answers, and what each says to do. */
class ProbeTest {
  private static final Probe.DriverFile NONE =
      Probe.DriverFile.of(Path.of("target", "no-such-file"));

  private Shim shim;

  @BeforeEach
  void openShim() {
    shim = Shim.open();
  }

  private Probe probe() {
    return Probe.run(HipLibrary.find(), NONE);
  }

  @Test
  void aGpu_isDescribed() {
    Probe.Available found = (Probe.Available) probe();
    assertThat(found.version()).isEqualTo(60_300_000);
    assertThat(found.runtime()).startsWith("HIP 6.3.0 in ").endsWith("libamdhip64.so");
    assertThat(found.devices())
        .containsExactly(
            new DeviceFacts(
                0,
                "HIP API over a CUDA shim (Stub GPU 0)",
                "sm_90",
                512L << 20,
                132,
                32,
                48 << 10,
                2_619_000,
                5120));
    assertThat(found.devices().getFirst().memoryBytesPerSecond()).isEqualTo(3_352_320_000_000.0);
    assertThat(shim.live(Shim.Kind.CONTEXT)).as("contexts that looking made").isZero();
  }

  @Test
  void withoutTheLibrary_itIsAbsent() {
    assertThat(Probe.run(Optional.empty(), NONE))
        .isEqualTo(new Probe.Absent("rocm: libamdhip64.so.7, .6, .5 is not there; ROCm brings it"));
  }

  @Test
  void withoutAGpu_itIsAbsent() {
    shim.machine(0, 9, 0);
    assertThat(((Probe.Absent) probe()).why())
        .startsWith("rocm: ")
        .contains("libamdhip64.so finds no GPU; HIP_VISIBLE_DEVICES is ");
    // HIP of 5.2 says when it initializes that the device is invalid.
    shim.machine(1, 9, 100);
    assertThat(((Probe.Absent) probe()).why()).contains("finds no GPU");
  }

  @Test
  void aRuntimeThatDoesNotStart_isBroken() {
    shim.machine(1, 9, 999);
    Probe.Broken broken = (Probe.Broken) probe();
    assertThat(broken.why())
        .isEqualTo(
            "rocm: HIP does not start: hipInit: hipErrorUnknown (999): unknown error; rocminfo"
                + " tells more");
    assertThat(broken.cause()).isNotNull();
  }

  @Test
  void aDeviceFileThatThisUserMayNotRead_isBroken() {
    shim.machine(1, 9, 100);
    Probe.DriverFile locked = new Probe.DriverFile(Path.of("/dev/kfd"), true);
    assertThat(((Probe.Broken) Probe.run(HipLibrary.find(), locked)).why())
        .startsWith("rocm: expected to read and write /dev/kfd, this user may not (hipInit: ")
        .endsWith("; add the user to the groups render and video");
  }

  @Test
  void aGpuThatHiprtcDoesNotKnow_isBroken() {
    shim.machine(1, 8, 0);
    assertThat(((Probe.Broken) probe()).why())
        .startsWith("rocm: kernels: expected one of gfx900, ")
        .contains("which the hiprtc of HIP 6.3 is asked to compile for, got sm_80;");
  }
}
