package dev.lamina.backend.cuda.emulation;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;

/**
 * Compiles kernel files for the host: a shared object for each, which holds the kernels and the
 * emulator of {@code src/test/native}. What was compiled is kept under {@code target} by a hash of
 * everything that went into it.
 */
public final class HostCompiler {
  private static final Path KERNELS = Path.of("src/main/cuda");
  private static final Path EMULATOR = Path.of("src/test/native");
  private static final Path KEPT = Path.of("target/emulated");
  private static final List<String> FLAGS =
      List.of(
          "-std=c++17",
          "-O1",
          "-march=native",
          "-ffp-contract=off",
          "-fno-strict-aliasing",
          "-fno-gnu-unique",
          "-fno-weak",
          "-fvisibility=hidden",
          "-Wall",
          "-Wno-unknown-pragmas",
          "-I" + KERNELS,
          "-include",
          EMULATOR.resolve("emulate.h").toString());

  private final byte[] shared;

  private HostCompiler(byte[] shared) {
    this.shared = shared;
  }

  /**
   * The compiler of this machine. Skips the test that asks where there is none.
   *
   * @return the compiler
   */
  public static HostCompiler find() {
    try {
      // What -march=native stands for, and the compiler's version, are part of what -v prints.
      Output native_ = run(List.of("g++", "-march=native", "-E", "-v", "-x", "c++", "/dev/null"));
      MessageDigest hash = sha256();
      hash.update(native_.text.getBytes(StandardCharsets.UTF_8));
      hash.update(FLAGS.toString().getBytes(StandardCharsets.UTF_8));
      for (Path header : files(KERNELS, ".cuh")) {
        hash.update(Files.readAllBytes(header));
      }
      for (Path header : files(EMULATOR, ".h")) {
        hash.update(Files.readAllBytes(header));
      }
      return new HostCompiler(hash.digest());
    } catch (IOException e) {
      return Assumptions.abort("g++ does not run, so no kernel was emulated: " + e.getMessage());
    }
  }

  /**
   * All kernel files of the backend, compiled.
   *
   * @return a shared object for each, in the order of their names
   */
  public List<Path> compileAll() {
    try (ExecutorService pool =
        Executors.newFixedThreadPool(Runtime.getRuntime().availableProcessors())) {
      List<Future<Path>> jobs = new ArrayList<>();
      for (Path source : files(KERNELS, ".cu")) {
        jobs.add(pool.submit(() -> compile(source)));
      }
      List<Path> compiled = new ArrayList<>();
      for (Future<Path> job : jobs) {
        compiled.add(job.get());
      }
      return compiled;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (ExecutionException e) {
      throw new AssertionError(e.getCause().getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
  }

  /**
   * Compiles one file, unless it is kept from before.
   *
   * @param source a {@code .cu} file
   * @return the shared object
   */
  public Path compile(Path source) throws IOException {
    MessageDigest hash = sha256();
    hash.update(shared);
    hash.update(Files.readAllBytes(source));
    String name = source.getFileName().toString().replace(".cu", "");
    String key = HexFormat.of().formatHex(hash.digest(), 0, 8);
    Path compiled = KEPT.resolve(name + "-" + key + ".so");
    if (Files.exists(compiled)) {
      return compiled;
    }
    Files.createDirectories(KEPT);
    Path fresh = Files.createTempFile(KEPT, name, ".tmp");
    List<String> command = new ArrayList<>(List.of("g++"));
    command.addAll(FLAGS);
    command.addAll(List.of("-shared", "-fPIC", "-x", "c++", source.toString(), "-o"));
    command.add(fresh.toString());
    Output output = run(command);
    if (output.status != 0) {
      Files.delete(fresh);
      throw new IOException("g++ refuses " + source + ":\n" + output.text);
    }
    try {
      Files.move(fresh, compiled, StandardCopyOption.ATOMIC_MOVE);
    } catch (AtomicMoveNotSupportedException e) {
      Files.move(fresh, compiled, StandardCopyOption.REPLACE_EXISTING);
    }
    return compiled;
  }

  private record Output(int status, String text) {}

  private static Output run(List<String> command) throws IOException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    process.getOutputStream().close();
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    try {
      return new Output(process.waitFor(), text);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(e);
    }
  }

  private static List<Path> files(Path folder, String ending) throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      return all.filter(file -> file.toString().endsWith(ending)).sorted().toList();
    }
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }
}
