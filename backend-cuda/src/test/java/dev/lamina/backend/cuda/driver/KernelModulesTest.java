package dev.lamina.backend.cuda.driver;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.backend.sdk.grid.KernelCache;
import dev.lamina.backend.sdk.grid.KernelSource;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Cubins of the jar, NVRTC, its cache, and what is said where neither is there. */
class KernelModulesTest {
  @TempDir Path folder;

  private final Map<String, byte[]> jar = new HashMap<>();
  private StubDriver stub;
  private NativeLibrary nvrtc;
  private Path toolkit;

  @BeforeEach
  void installStubs() throws CudaException {
    stub = StubDriver.open();
    stub.withContext();
    StubCompiler.compile("libnvrtc-builtins", "libnvrtc-builtins.so.13.7");
    Path library = StubCompiler.compile("libnvrtc", "libnvrtc.so.13");
    toolkit = library.getParent();
    nvrtc = NativeLibrary.open(List.of(library.toString())).orElseThrow();
    put("norm.cu", "#include \"own.cuh\"\n  # include \"more.cuh\"\nkernel");
    put("own.cuh", "#include \"more.cuh\"\nown.cuh");
    put("more.cuh", "more.cuh");
  }

  private void put(String name, String text) {
    jar.put(name, text.getBytes(StandardCharsets.UTF_8));
  }

  private KernelModules modules(KernelSettings.Origin origin, Path... toolkits) {
    return new KernelModules(
        stub.driver(),
        "sm_90a",
        new KernelSettings(origin, List.of(toolkits), folder.resolve("cache")),
        name -> Optional.ofNullable(jar.get(name)));
  }

  private int compiled() {
    return StubDriver.call(nvrtc, "stub_compiled");
  }

  private void loads(KernelModules modules) throws CudaException {
    long module = modules.load("norm");
    assertThat(stub.driver().moduleGetFunction(module, "nothing")).isNotZero();
  }

  private Path cached() throws IOException {
    try (Stream<Path> files = Files.list(folder.resolve("cache"))) {
      List<Path> all = files.toList();
      assertThat(all).hasSize(1);
      return all.getFirst();
    }
  }

  @Test
  void whatTheJarBrings_isLoadedWithoutACompiler() throws CudaException {
    int before = compiled();
    jar.put("norm.fatbin", StubDriver.image(""));
    loads(modules(KernelSettings.Origin.AUTO));
    loads(modules(KernelSettings.Origin.CUBIN));
    assertThat(compiled()).isEqualTo(before);
  }

  @Test
  void nvrtc_compilesOnceForAllProcesses() throws CudaException, IOException {
    int before = compiled();
    loads(modules(KernelSettings.Origin.AUTO, toolkit));
    loads(modules(KernelSettings.Origin.NVRTC, toolkit));
    assertThat(compiled()).isEqualTo(before + 1);
    // The stub writes into a cubin what it was given: the file, the architecture, two headers by
    // name.
    assertThat(new String(Files.readAllBytes(cached()), StandardCharsets.ISO_8859_1))
        .endsWith("norm.cu sm_90a 2");
    assertThat(StubDriver.call(nvrtc, "stub_live_programs")).isZero();
  }

  @Test
  void aDamagedFileOfTheCache_isCompiledAnew() throws CudaException, IOException {
    int before = compiled();
    loads(modules(KernelSettings.Origin.NVRTC, toolkit));
    byte[] bytes = Files.readAllBytes(cached());
    bytes[bytes.length - 1] ^= 1;
    Files.write(cached(), bytes);
    loads(modules(KernelSettings.Origin.NVRTC, toolkit));
    Files.write(cached(), new byte[7]);
    loads(modules(KernelSettings.Origin.NVRTC, toolkit));
    assertThat(compiled()).isEqualTo(before + 3);
    loads(modules(KernelSettings.Origin.NVRTC, toolkit));
    assertThat(compiled()).isEqualTo(before + 3);
  }

  @Test
  void aCacheThatCannotBeWritten_costsACompileEachStart() throws CudaException, IOException {
    Files.createFile(folder.resolve("cache"));
    int before = compiled();
    loads(modules(KernelSettings.Origin.NVRTC, toolkit));
    loads(modules(KernelSettings.Origin.NVRTC, toolkit));
    assertThat(compiled()).isEqualTo(before + 2);
  }

  @Test
  void keys_differWithAllThatGoesIn() {
    KernelSource source = new KernelSource("a.cu", "text", Map.of("b.cuh", "more"));
    assertThat(
            List.of(
                KernelCache.key(source, List.of("-a", "-b"), "13.0"),
                KernelCache.key(source, List.of("-a", "-b"), "12.9"),
                KernelCache.key(source, List.of("-a-b"), "13.0"),
                KernelCache.key(
                    new KernelSource("a.cu", "text2", source.headers()), List.of(), "13.0"),
                KernelCache.key(
                    new KernelSource("a.cu", "text", Map.of("b.cuh", "less")), List.of(), "13.0"),
                KernelCache.key(
                    new KernelSource("a.cu", "text", Map.of("c.cuh", "more")), List.of(), "13.0")))
        .doesNotHaveDuplicates()
        .allMatch(key -> key.matches("[0-9a-f]{64}"));
    assertThat(KernelCache.key(source, List.of("-a", "-b"), "13.0"))
        .isEqualTo(
            KernelCache.key(
                new KernelSource("a.cu", "text", Map.of("b.cuh", "more")),
                List.of("-a", "-b"),
                "13.0"));
  }

  @Test
  void aCubinForOtherGpus_isReplacedUnlessItIsAskedFor() throws CudaException {
    put("norm.fatbin", "stub-other-gpu");
    int before = compiled();
    loads(modules(KernelSettings.Origin.AUTO, toolkit));
    assertThat(compiled()).isEqualTo(before + 1);
    assertThatThrownBy(() -> modules(KernelSettings.Origin.CUBIN, toolkit).load("norm"))
        .hasMessage(
            "cuModuleLoadData(14 bytes): CUDA_ERROR_NO_BINARY_FOR_GPU (209): no kernel image is available for execution on the device; update NVIDIA's driver, or use what this GPU has");
  }

  @Test
  void aDeviceThatIsLost_isNoReasonToCompile() {
    jar.put("norm.fatbin", StubDriver.image(""));
    stub.fail("cuModuleLoadData", 0, 700);
    int before = compiled();
    assertThatThrownBy(() -> modules(KernelSettings.Origin.AUTO, toolkit).load("norm"))
        .hasMessageContaining("CUDA_ERROR_ILLEGAL_ADDRESS (700)");
    assertThat(compiled()).isEqualTo(before);
  }

  @Test
  void aMistake_isShownWithItsLine() {
    put("norm.cu", "mistake");
    assertThatThrownBy(() -> modules(KernelSettings.Origin.NVRTC, toolkit).load("norm"))
        .hasMessage(
            "nvrtcCompileProgram(norm.cu, --gpu-architecture=sm_90a --std=c++17): NVRTC_ERROR_COMPILATION (6): norm.cu(2): error: identifier \"mistake\" is undefined");
    assertThat(StubDriver.call(nvrtc, "stub_live_programs")).isZero();
  }

  @Test
  void withoutCubins_theWishForThemIsRefused() {
    assertThatThrownBy(() -> modules(KernelSettings.Origin.CUBIN).load("norm"))
        .hasMessage(
            "kernels: expected norm.fatbin in the jar, found none; build it where nvcc is, or set LAMINA_CUDA_KERNELS to auto");
  }

  @Test
  void anIncludeOfAnotherBranch_isLeftToTheCompiler() throws CudaException, IOException {
    jar.remove("more.cuh");
    loads(modules(KernelSettings.Origin.NVRTC, toolkit));
    assertThat(new String(Files.readAllBytes(cached()), StandardCharsets.ISO_8859_1))
        .endsWith("norm.cu sm_90a 1");
  }

  @Test
  void aMissingFile_isNamed() {
    jar.remove("norm.cu");
    assertThatThrownBy(() -> modules(KernelSettings.Origin.NVRTC, toolkit).load("norm"))
        .hasMessage("kernels: expected norm.cu in the jar, found none");
  }

  @Test
  void whereNvrtcIsLookedFor_isSaid() {
    List<String> searched =
        NativeLibrary.candidates(List.of("libx.so.13", "libx.so.12"), List.of(Path.of("/cuda")));
    assertThat(searched)
        .containsExactly(
            "libx.so.13",
            "libx.so.12",
            "/cuda/libx.so.13",
            "/cuda/libx.so.12",
            "/cuda/lib64/libx.so.13",
            "/cuda/lib64/libx.so.12",
            "/cuda/lib/libx.so.13",
            "/cuda/lib/libx.so.12",
            "/cuda/bin/libx.so.13",
            "/cuda/bin/libx.so.12");
    assertThat(Nvrtc.absent(searched))
        .hasMessage(
            "kernels: expected NVRTC as one of "
                + String.join(", ", searched)
                + ", found none; install the CUDA toolkit or pip's nvidia-cuda-nvrtc and name its folder in LAMINA_CUDA_PATH, or use a build whose jar has cubins");
  }
}
