package dev.lamina.backend.opencl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.backend.opencl.cl.Cl;
import dev.lamina.backend.opencl.cl.ClException;
import dev.lamina.backend.opencl.cl.DeviceFacts;
import dev.lamina.backend.opencl.cl.Probe;
import dev.lamina.backend.opencl.cl.Programs;
import dev.lamina.backend.sdk.grid.KernelCache;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.BackendOptions;
import dev.lamina.spi.DeviceLost;
import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.OutOfDeviceMemory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What goes wrong, in the words that a user reads. */
class OpenClErrorsTest {
  private static final String SOURCE =
      "kernel void twice(global int* x) { x[get_global_id(0)] *= 2; }";

  private static DeviceFacts facts;

  @TempDir private Path folder;

  @BeforeAll
  static void skipWithoutDevice() {
    if (Probe.run() instanceof Probe.Available a) {
      facts = a.devices().getFirst();
    } else {
      Assumptions.abort("no OpenCL device here");
    }
  }

  private KernelCache cache() {
    return new KernelCache(folder, ".bin", "LAMINA_OPENCL_CACHE");
  }

  private OpenClGrid grid() throws ClException {
    return new OpenClGrid(facts, 1, cache());
  }

  private List<Path> cached() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.toList();
    }
  }

  @Test
  void brokenSource_showsWhatTheCompilerSaid() throws ClException {
    try (OpenClGrid grid = grid()) {
      assertThatThrownBy(() -> grid.function("broken.cl", "kernel void f() { nonsense; }", "f"))
          .hasMessageContaining("kernel f: clBuildProgram(broken.cl, -cl-std=CL1.2")
          .hasMessageContaining("CL_BUILD_PROGRAM_FAILURE (-11)")
          .hasMessageContaining("nonsense");
    }
  }

  @Test
  void unknownKernel_isNamed() throws ClException {
    try (OpenClGrid grid = grid()) {
      assertThatThrownBy(() -> grid.function("twice.cl", SOURCE, "thrice"))
          .hasMessage("kernel thrice: clCreateKernel(thrice): CL_INVALID_KERNEL_NAME (-46)");
      assertThatThrownBy(() -> grid.function("thrice", "thrice"))
          .hasMessage("opencl: expected thrice.cl in the jar, found none");
    }
  }

  @Test
  void launchWithOtherAddresses_isRefused() throws ClException {
    try (OpenClGrid grid = grid()) {
      long kernel = grid.function("move", "iota");
      grid.params().i64(1);
      assertThatThrownBy(() -> grid.launch(kernel, 1, 1, 1, 1, 0))
          .hasMessage("kernel iota: expected 1 addresses in its struct, got 0");
    }
  }

  @Test
  void addressInNoBuffer_isRefused() throws ClException {
    try (OpenClGrid grid = grid()) {
      assertThatThrownBy(() -> grid.copy(0x7_0000_0000_0000L, 0x7_0000_0000_0000L, 4))
          .hasMessage("opencl: expected an address in a buffer, got 0x7000000000000");
    }
  }

  @Test
  void builtProgram_isKeptOnDisk() throws ClException, IOException {
    try (OpenClGrid grid = grid()) {
      grid.function("twice.cl", SOURCE, "twice");
    }
    List<Path> files = cached();
    assertThat(files).hasSize(1);
    byte[] bytes = Files.readAllBytes(files.getFirst());
    long written = Files.getLastModifiedTime(files.getFirst()).toMillis();
    try (OpenClGrid grid = grid()) {
      grid.function("twice.cl", SOURCE, "twice");
    }
    assertThat(cached()).isEqualTo(files);
    assertThat(Files.getLastModifiedTime(files.getFirst()).toMillis()).isEqualTo(written);
    // Damage is found, and what was built anew written over it.
    bytes[bytes.length / 2] ^= 1;
    Files.write(files.getFirst(), bytes);
    try (OpenClGrid grid = grid()) {
      grid.function("twice.cl", SOURCE, "twice");
    }
    assertThat(Files.readAllBytes(files.getFirst())).isNotEqualTo(bytes);
  }

  @Test
  void cacheFolder_isTheFirstThatIsNamed() throws ClException, IOException {
    Properties properties = new Properties();
    properties.setProperty("user.home", folder.resolve("home").toString());
    Map<String, String> env = Map.of("XDG_CACHE_HOME", folder.resolve("xdg").toString());
    long context = Cl.createContext(facts.platform(), facts.device());
    KernelCache cache = Programs.cache(properties, env);
    Cl.releaseProgram(new Programs(context, facts, cache, "").build("twice.cl", SOURCE));
    assertThat(folder.resolve("xdg/lamina/opencl")).isNotEmptyDirectory();
    properties.setProperty("lamina.opencl.cache", folder.resolve("own").toString());
    cache = Programs.cache(properties, env);
    Cl.releaseProgram(new Programs(context, facts, cache, "").build("twice.cl", SOURCE));
    Cl.releaseContext(context);
    assertThat(folder.resolve("own")).isNotEmptyDirectory();
    assertThat(folder.resolve("home")).doesNotExist();
  }

  @Test
  void unknownProperty_isRefused() {
    BackendOptions options = new BackendOptions(0, 0, Map.of("speed", "high"));
    assertThatThrownBy(() -> new OpenClBackendProvider().open(options))
        .isInstanceOf(InvalidProgram.class)
        .hasMessage("open opencl: expected no properties, got [speed]");
  }

  @Test
  void failures_areWhatTheyMeanToCallers() {
    BackendException full = Failures.of("allocate", new ClException("clCreateBuffer", -4));
    assertThat(full)
        .isInstanceOf(OutOfDeviceMemory.class)
        .hasMessage(
            "allocate: clCreateBuffer: CL_MEM_OBJECT_ALLOCATION_FAILURE (-4); a model takes less with --kv-memory or --max-num-batched-tokens");
    assertThat(Failures.of("run", new ClException("clFinish", -36)))
        .isInstanceOf(DeviceLost.class)
        .hasMessage("run: clFinish: CL_INVALID_COMMAND_QUEUE (-36)");
    assertThat(Failures.of("run", new ClException("clFinish", -9999)))
        .isInstanceOf(InvalidProgram.class)
        .hasMessage("run: clFinish: an error of OpenCL (-9999)");
  }
}
