package dev.lamina.backend.cuda.driver;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The three answers, and what each says to do. */
class ProbeTest {
  @TempDir Path folder;

  private StubDriver stub;
  private Probe.DeviceFiles files;

  @BeforeEach
  void openStub() {
    stub = StubDriver.open();
    files = Probe.DeviceFiles.in(folder, folder.resolve("version"));
  }

  private Probe probe() {
    return Probe.run(Optional.of(stub.driver()), files);
  }

  @Test
  void aGpu_isDescribed() {
    Probe.Available found = (Probe.Available) probe();
    assertThat(found.driverVersion()).isEqualTo(13_000);
    assertThat(found.devices()).hasSize(1);
    DeviceFacts facts = found.devices().getFirst();
    assertThat(facts)
        .isEqualTo(
            new DeviceFacts(
                0,
                0,
                "Stub GPU 0",
                "GPU-f0f1f2f3-f4f5-f6f7-f8f9-fafbfcfdfeff",
                9,
                0,
                8L << 30,
                132,
                50 << 20,
                227 << 10,
                1_980_000,
                2_619_000,
                5120,
                false));
    assertThat(facts.arch()).isEqualTo("sm_90a");
    assertThat(facts.memoryBytesPerSecond()).isEqualTo(3_352_320_000_000.0);
  }

  @Test
  void looking_makesNoContext() {
    probe();
    assertThat(stub.live(StubDriver.Kind.CONTEXT)).isZero();
    assertThat(stub.calls("cuDevicePrimaryCtxRetain")).isZero();
  }

  @Test
  void withoutTheLibrary_itIsAbsent() throws IOException {
    assertThat(Probe.run(Optional.empty(), files))
        .isEqualTo(new Probe.Absent("cuda: libcuda.so.1 is not there; NVIDIA's driver brings it"));
    Files.createFile(folder.resolve("version"));
    assertThat(Probe.run(Optional.empty(), files))
        .isEqualTo(
            new Probe.Absent(
                "cuda: libcuda.so.1 is not there, though NVIDIA's kernel module is loaded; in a container, start it with its GPUs (--gpus all)"));
  }

  @Test
  void withoutAGpu_itIsAbsent() {
    stub.machine(13_000, 0, 9, 0, 0);
    assertThat(((Probe.Absent) probe()).why())
        .startsWith("cuda: the driver finds no GPU; CUDA_VISIBLE_DEVICES is ");
  }

  @Test
  void anOldDriver_isBroken() {
    stub.machine(11_080, 1, 9, 0, 0);
    assertThat(((Probe.Broken) probe()).why())
        .isEqualTo(
            "cuda: expected a driver of CUDA 12.0 or newer, got one of CUDA 11.8; update NVIDIA's driver");
    assertThat(stub.calls("cuInit")).isZero();
  }

  @Test
  void anOldGpu_isBrokenUnlessThereIsAnother() {
    stub.machine(13_000, 1, 7, 5, 0);
    assertThat(((Probe.Broken) probe()).why())
        .isEqualTo(
            "cuda: expected a GPU of compute capability 8.0 or newer, got Stub GPU 0 of 7.5; use --backend cpu-vector");
    stub.machine(13_000, 2, 8, 9, 0);
    Probe.Available found = (Probe.Available) probe();
    assertThat(found.devices()).extracting(DeviceFacts::arch).containsExactly("sm_89");
  }

  @Test
  void aDriverThatDoesNotStart_isBrokenWithItsReason() {
    stub.machine(13_000, 1, 9, 0, 999);
    Probe.Broken broken = (Probe.Broken) probe();
    assertThat(broken.why())
        .isEqualTo(
            "cuda: the driver does not start: cuInit: CUDA_ERROR_UNKNOWN (999): unknown error; nvidia-smi tells more");
    assertThat(broken.cause()).hasMessageContaining("cuInit");
    stub.machine(13_000, 1, 9, 0, 803);
    assertThat(((Probe.Broken) probe()).why())
        .startsWith("cuda: libcuda and NVIDIA's kernel module are of different versions (cuInit")
        .endsWith("; reboot, or install both from one package");
    stub.machine(13_000, 1, 9, 0, 34);
    assertThat(((Probe.Broken) probe()).why())
        .startsWith("cuda: the libcuda found first is the toolkit's stub, which only links (cuInit")
        .endsWith("; take its folder off LD_LIBRARY_PATH");
  }

  @Test
  void withoutPermission_itIsBroken() {
    stub.machine(13_000, 1, 9, 0, 100);
    files =
        new Probe.DeviceFiles() {
          @Override
          public boolean moduleLoaded() {
            return true;
          }

          @Override
          public Optional<Path> locked() {
            return Optional.of(Path.of("/dev/nvidiactl"));
          }
        };
    assertThat(((Probe.Broken) probe()).why())
        .isEqualTo(
            "cuda: expected to read and write /dev/nvidiactl, this user may not (cuInit: CUDA_ERROR_NO_DEVICE (100): no CUDA-capable device is detected); add the user to the group that owns it");
  }

  @Test
  void deviceFiles_thatMayBeReadAndWrittenAreNotLocked() throws IOException {
    assertThat(files.locked()).isEmpty();
    Files.createFile(folder.resolve("nvidiactl"));
    assertThat(files.locked()).isEmpty();
    assertThat(files.moduleLoaded()).isFalse();
  }

  @Test
  void aFailureWhileAsking_isBroken() {
    stub.fail("cuDeviceGetName", 0, 999);
    assertThat(((Probe.Broken) probe()).why())
        .isEqualTo("cuda: cuDeviceGetName: CUDA_ERROR_UNKNOWN (999): unknown error");
  }

  /** Whatever this machine has: the loader is asked for the soname, and something is answered. */
  @Test
  void thisMachine_isAnswered() {
    switch (Probe.run()) {
      case Probe.Available found -> assertThat(found.devices()).isNotEmpty();
      case Probe.Absent absent -> assertThat(absent.why()).startsWith("cuda: ");
      case Probe.Broken broken -> assertThat(broken.why()).startsWith("cuda: ");
    }
  }
}
