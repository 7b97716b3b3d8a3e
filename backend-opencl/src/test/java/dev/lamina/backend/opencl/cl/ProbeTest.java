package dev.lamina.backend.opencl.cl;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProbeTest {
  /** A system of platforms 1 to n, each with the same devices. */
  private record System(boolean hasLoader, int numPlatforms, List<DeviceFacts> facts, int error)
      implements Probe.Platforms {
    @Override
    public List<Long> platforms() {
      return java.util.stream.LongStream.rangeClosed(1, numPlatforms).boxed().toList();
    }

    @Override
    public List<DeviceFacts> devices(long platform) throws ClException {
      if (error != 0 && platform == 1) {
        throw new ClException("clGetDeviceIDs", error);
      }
      return facts;
    }
  }

  private static DeviceFacts device(String version) {
    return new DeviceFacts(
        1,
        2,
        "Platform",
        "Chip",
        version,
        "7.1",
        false,
        4,
        1L << 30,
        1L << 28,
        256,
        1 << 15,
        1024,
        true,
        true,
        Set.of());
  }

  @Test
  void noLoader_isAbsent() {
    assertThat(Probe.run(new System(false, 0, List.of(), 0)))
        .isInstanceOfSatisfying(
            Probe.Absent.class,
            a ->
                assertThat(a.why())
                    .contains("libOpenCL.so.1 is not there")
                    .contains("ocl-icd-libopencl1"));
  }

  @Test
  void loaderWithoutDriver_isAbsent() {
    assertThat(Probe.run(new System(true, 0, List.of(), 0)))
        .isEqualTo(
            new Probe.Absent(
                "opencl: the loader knows no driver; install one, such as pocl-opencl-icd, which puts its name into /etc/OpenCL/vendors"));
  }

  @Test
  void platformWithoutDevice_isAbsent() {
    assertThat(Probe.run(new System(true, 2, List.of(), 0)))
        .isEqualTo(
            new Probe.Absent(
                "opencl: 2 platforms, but no device; a driver whose GPU is not there lists none"));
  }

  @Test
  void oldDevice_isBroken() {
    assertThat(Probe.run(new System(true, 1, List.of(device("OpenCL 1.1 Old")), 0)))
        .isEqualTo(
            new Probe.Broken(
                "opencl: expected a device of OpenCL 1.2 or newer, got Chip of 'OpenCL 1.1 Old'; update its driver",
                null));
  }

  @Test
  void driverThatFails_isBroken() {
    assertThat(Probe.run(new System(true, 1, List.of(), -5)))
        .isInstanceOfSatisfying(
            Probe.Broken.class,
            b -> {
              assertThat(b.why())
                  .isEqualTo("opencl: clGetDeviceIDs: CL_OUT_OF_RESOURCES (-5); clinfo tells more");
              assertThat(b.cause()).isInstanceOf(ClException.class);
            });
  }

  @Test
  void driverThatFails_leavesTheOthers() {
    DeviceFacts good = device("OpenCL 3.0 New");
    assertThat(Probe.run(new System(true, 2, List.of(good, device("OpenCL 1.0")), -5)))
        .isEqualTo(new Probe.Available(List.of(good)));
  }

  @Test
  void gpus_comeBeforeCpus() {
    DeviceFacts gpu = device("OpenCL 3.0 New");
    DeviceFacts cpu =
        new DeviceFacts(
            1,
            3,
            "PoCL",
            "Cpu",
            "OpenCL 3.0",
            "3.1",
            true,
            2,
            1L << 30,
            1L << 28,
            256,
            1 << 15,
            1024,
            true,
            true,
            Set.of());
    assertThat(Probe.run(new System(true, 1, List.of(cpu, gpu), 0)))
        .isEqualTo(new Probe.Available(List.of(gpu, cpu)));
  }

  @Test
  void driversOfCpusAlone_areKnownByTheirFiles(@TempDir Path vendors) throws IOException {
    assertThat(Probe.mayHaveGpu(vendors.resolve("missing"))).isFalse();
    Files.writeString(vendors.resolve("pocl.icd"), "libpocl.so.2");
    Files.writeString(vendors.resolve("README"), "");
    assertThat(Probe.mayHaveGpu(vendors)).isFalse();
    Files.writeString(vendors.resolve("nvidia.icd"), "libnvidia-opencl.so.1");
    assertThat(Probe.mayHaveGpu(vendors)).isTrue();
  }

  @Test
  void versionNumber_isReadFromTheText() {
    assertThat(device("OpenCL 1.2 CUDA").versionNumber()).isEqualTo(12);
    assertThat(device("OpenCL 3.0 PoCL HSTR").versionNumber()).isEqualTo(30);
    assertThat(device("strange").versionNumber()).isZero();
  }
}
