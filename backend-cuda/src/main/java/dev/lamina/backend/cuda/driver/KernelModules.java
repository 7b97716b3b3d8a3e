package dev.lamina.backend.cuda.driver;

import dev.lamina.backend.sdk.grid.KernelCache;
import dev.lamina.backend.sdk.grid.KernelSource;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Loads the kernel files of this jar: as the cubins that came with it, or compiled by NVRTC once a
 * machine. {@code LAMINA_CUDA_KERNELS} chooses: see {@link KernelSettings}.
 *
 * <p>Thread-safe; works on the calling thread's current context.
 */
public final class KernelModules {
  private static final System.Logger LOG = System.getLogger(KernelModules.class.getName());

  private final Driver driver;
  private final String arch;
  private final KernelSettings settings;
  private final KernelSource.Files files;
  private @Nullable Nvrtc nvrtc;

  KernelModules(Driver driver, String arch, KernelSettings settings, KernelSource.Files files) {
    this.driver = driver;
    this.arch = arch;
    this.settings = settings;
    this.files = files;
  }

  /**
   * The kernels of this jar, as this process's properties and environment say.
   *
   * @param driver initialized
   * @param device the GPU of the context
   * @return nothing is loaded yet
   */
  public static KernelModules of(Driver driver, DeviceFacts device) {
    return new KernelModules(
        driver, device.arch(), KernelSettings.ofSystem(), KernelModules::inJar);
  }

  private static Optional<byte[]> inJar(String name) {
    return KernelSource.Files.of(
        KernelModules.class.getResourceAsStream("/dev/lamina/backend/cuda/cu/" + name), name);
  }

  /**
   * Loads one file.
   *
   * @param name of the file without its ending, such as {@code rms_norm}
   * @return a module, which the caller unloads
   * @throws CudaException if it does not compile or load, or there is no compiler
   */
  public long load(String name) throws CudaException {
    if (settings.origin() != KernelSettings.Origin.NVRTC) {
      Optional<byte[]> image = files.read(name + ".fatbin");
      if (image.isPresent()) {
        try {
          return load(image.get());
        } catch (CudaException e) {
          if (settings.origin() == KernelSettings.Origin.CUBIN || !isForOtherGpus(e)) {
            throw e;
          }
          LOG.log(
              System.Logger.Level.INFO,
              "kernels: the jar brings no cubin of {0} for {1}, NVRTC compiles it ({2})",
              name,
              arch,
              e.getMessage());
        }
      } else if (settings.origin() == KernelSettings.Origin.CUBIN) {
        throw CudaException.unsupported(
            name,
            "kernels: expected %s.fatbin in the jar, found none; build it where nvcc is, or set LAMINA_CUDA_KERNELS to auto"
                .formatted(name));
      }
    }
    return load(compiled(name));
  }

  private long load(byte[] image) throws CudaException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(image.length, 16);
      MemorySegment.copy(image, 0, memory, ValueLayout.JAVA_BYTE, 0, image.length);
      return driver.moduleLoad(memory);
    }
  }

  private static boolean isForOtherGpus(CudaException e) {
    return e.kind() == CudaException.Kind.UNSUPPORTED || e.code() == CuResult.INVALID_IMAGE;
  }

  private byte[] compiled(String name) throws CudaException {
    KernelSource source = KernelSource.read(files, name + ".cu");
    List<String> options = List.of("--gpu-architecture=" + arch, "--std=c++17");
    Nvrtc compiler = nvrtc();
    KernelCache cache = new KernelCache(settings.cache(), ".cubin", "LAMINA_CUDA_CACHE");
    String key = KernelCache.key(source, options, compiler.version());
    Optional<byte[]> known = cache.read(key);
    if (known.isPresent()) {
      return known.get();
    }
    long start = System.nanoTime();
    byte[] cubin = compiler.compile(source.name(), source.text(), source.headers(), options);
    LOG.log(
        System.Logger.Level.DEBUG,
        "kernels: NVRTC {0} compiled {1} for {2} in {3} ms",
        compiler.version(),
        source.name(),
        arch,
        (System.nanoTime() - start) / 1_000_000);
    cache.write(key, cubin);
    return cubin;
  }

  private synchronized Nvrtc nvrtc() throws CudaException {
    if (nvrtc == null) {
      nvrtc = Nvrtc.open(settings.toolkits());
    }
    return nvrtc;
  }
}
