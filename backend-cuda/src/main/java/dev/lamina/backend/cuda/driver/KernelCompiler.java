package dev.lamina.backend.cuda.driver;

import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.jspecify.annotations.Nullable;

/**
 * Kernel files compiled by NVRTC once a machine. A process that has to compile one will need
 * others, so threads of their own begin with all that the jar brings.
 *
 * <p>Thread-safe.
 */
final class KernelCompiler {
  /** Resource with the names of the jar's kernel files, a line each. */
  static final String INDEX = "kernels.txt";

  private static final System.Logger LOG = System.getLogger(KernelCompiler.class.getName());

  /** NVRTC takes some hundred MB for the largest file. */
  private static final int MAX_THREADS = 8;

  private final String arch;
  private final KernelSettings settings;
  private final KernelSource.Files files;
  private final Map<String, FutureTask<byte[]>> tasks = new HashMap<>();
  private @Nullable Nvrtc nvrtc;

  KernelCompiler(String arch, KernelSettings settings, KernelSource.Files files) {
    this.arch = arch;
    this.settings = settings;
    this.files = files;
  }

  /**
   * A file's cubin.
   *
   * @param name of the file without its ending
   * @throws CudaException if it does not compile, or there is no compiler
   */
  byte[] compiled(String name) throws CudaException {
    FutureTask<byte[]> task = task(name);
    // Does nothing if another thread has begun it.
    task.run();
    try {
      return await(task);
    } catch (ExecutionException e) {
      Throwable cause = Objects.requireNonNull(e.getCause());
      if (cause instanceof CudaException failure) {
        throw failure;
      }
      if (cause instanceof Error error) {
        throw error;
      }
      throw new IllegalStateException(cause.getMessage(), cause);
    }
  }

  private static byte[] await(FutureTask<byte[]> task) throws ExecutionException {
    boolean interrupted = false;
    try {
      while (true) {
        try {
          return task.get();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private synchronized FutureTask<byte[]> task(String name) throws CudaException {
    boolean isFirst = nvrtc == null;
    Nvrtc compiler = nvrtc();
    FutureTask<byte[]> task =
        tasks.computeIfAbsent(name, n -> new FutureTask<>(() -> compile(compiler, n)));
    if (isFirst) {
      beginAll(compiler);
    }
    return task;
  }

  private Nvrtc nvrtc() throws CudaException {
    if (nvrtc == null) {
      nvrtc = Nvrtc.open(settings.toolkits());
    }
    return nvrtc;
  }

  /** What fails here fails again for whoever asks for it. */
  private void beginAll(Nvrtc compiler) {
    for (String name : names()) {
      tasks.computeIfAbsent(name, n -> new FutureTask<>(() -> compile(compiler, n)));
    }
    List<FutureTask<byte[]>> all = List.copyOf(tasks.values());
    int threads = Math.min(MAX_THREADS, Runtime.getRuntime().availableProcessors()) - 1;
    for (int i = 0; i < Math.min(threads, all.size() - 1); i++) {
      Thread.ofPlatform()
          .daemon()
          .name("lamina-kernels-" + i)
          .start(() -> all.forEach(FutureTask::run));
    }
  }

  private List<String> names() {
    Optional<byte[]> index = files.read(INDEX);
    return index.isEmpty()
        ? List.of()
        : new String(index.get(), StandardCharsets.UTF_8)
            .lines()
            .map(line -> line.strip().replace(".cu", ""))
            .filter(line -> !line.isEmpty())
            .toList();
  }

  private byte[] compile(Nvrtc compiler, String name) throws CudaException {
    KernelSource source = KernelSource.read(files, name + ".cu");
    List<String> options = List.of("--gpu-architecture=" + arch, "--std=c++17");
    KernelCache cache = new KernelCache(settings.cache());
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
}
