package dev.lamina.backend.rocm.driver;

import dev.lamina.backend.sdk.UserCache;
import dev.lamina.backend.sdk.grid.KernelCache;
import dev.lamina.backend.sdk.grid.KernelSource;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Loads the kernel files of this jar, compiled by hiprtc once a machine: what it made is kept in
 * the folder that {@code lamina.rocm.cache} (or {@code LAMINA_ROCM_CACHE} in the environment)
 * names, else {@code lamina/kernels} in {@code XDG_CACHE_HOME} or {@code ~/.cache}.
 *
 * <p>Thread-safe; works on the calling thread's current device.
 */
public final class KernelModules {
  private static final System.Logger LOG = System.getLogger(KernelModules.class.getName());

  private final Hip hip;
  private final int version;
  private final String arch;
  private final Hiprtc compiler;
  private final KernelCache cache;

  /**
   * The kernels of this jar.
   *
   * @param hip initialized
   * @param version of HIP, as it tells it
   * @param arch of the GPU
   */
  public KernelModules(Hip hip, int version, String arch) {
    this.hip = hip;
    this.version = version;
    this.arch = arch;
    this.compiler = new Hiprtc(Architectures.ofSystem(version));
    Path folder = UserCache.folder(System.getProperties(), System.getenv(), "rocm", "kernels");
    this.cache = new KernelCache(folder, ".hsaco", "LAMINA_ROCM_CACHE");
  }

  private static Optional<byte[]> inJar(String name) {
    InputStream in =
        KernelModules.class.getResourceAsStream("/dev/lamina/backend/rocm/hip/" + name);
    return KernelSource.Files.of(in, name);
  }

  /**
   * A kernel file as hiprtc takes it: what makes CUDA's words HIP's, then the file as it is.
   *
   * @param name of the file without its ending, such as {@code move}
   */
  static KernelSource source(String name) {
    String whole = name + ".hip";
    String text = "#include \"hip.h\"\n#include \"" + name + ".cu\"\n";
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    return KernelSource.read(file -> file.equals(whole) ? Optional.of(bytes) : inJar(file), whole);
  }

  /**
   * Loads one file.
   *
   * @param name of the file without its ending, such as {@code move}
   * @return a module, which the caller unloads
   * @throws HipException if it does not compile or load
   */
  public long load(String name) throws HipException {
    byte[] code = compiled(source(name));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(code.length, 16);
      MemorySegment.copy(code, 0, memory, ValueLayout.JAVA_BYTE, 0, code.length);
      return hip.moduleLoad(memory);
    }
  }

  private byte[] compiled(KernelSource source) throws HipException {
    String key = KernelCache.key(source, Hiprtc.options(arch), "hiprtc " + version);
    Optional<byte[]> known = cache.read(key);
    if (known.isPresent()) {
      return known.get();
    }
    long start = System.nanoTime();
    byte[] code = compiler.compile(source, arch);
    LOG.log(
        System.Logger.Level.DEBUG,
        "kernels: hiprtc compiled {0} for {1} in {2} ms",
        source.name(),
        arch,
        (System.nanoTime() - start) / 1_000_000);
    cache.write(key, code);
    return code;
  }
}
