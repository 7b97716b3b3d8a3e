package dev.lamina.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.conformance.ConformanceOptions;
import dev.lamina.conformance.ConformanceRunner;
import dev.lamina.conformance.Level;
import dev.lamina.spi.BackendProvider;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;
import java.util.stream.Stream;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What a vendor begins with: a project outside of the tree that compiles and lacks kernels alone.
 */
class NewBackendTest {
  private static final Path ROOT =
      Path.of(System.getProperty("lamina.fixtures")).toAbsolutePath().getParent();

  @TempDir Path folder;

  private record Ended(int code, List<String> out, List<String> err) {}

  @Test
  void theSkeleton_compilesAndPassesWhateverComputesNothing() throws Exception {
    Ended made = newBackend("acme-npu", "--group", "com.acme", "--into", folder.toString());
    Path module = folder.toRealPath().resolve("backend-acme-npu");
    assertThat(made.err()).as("what to do next").anyMatch(line -> line.contains("mvn"));
    assertThat(made.out()).containsExactly(module.toString());
    assertThat(made.code()).isZero();
    assertThat(Files.readString(module.resolve("pom.xml")))
        .contains("<groupId>com.acme</groupId>", "<artifactId>lamina-bom</artifactId>");
    for (Path file : files(module, "")) {
      assertThat(Files.readString(file))
          .as("%s", file)
          .doesNotContainPattern("@[a-z]+@")
          .doesNotContain("Null" + "Backend", "Null" + "Kernels", "\"null\"");
    }

    Path classes = compiled(module);
    URL[] path = {url(classes), url(module.resolve("src/main/resources"))};
    try (URLClassLoader loader = new URLClassLoader(path, getClass().getClassLoader())) {
      BackendProvider provider =
          ServiceLoader.load(BackendProvider.class, loader).stream()
              .map(ServiceLoader.Provider::get)
              .filter(p -> p.id().equals("acme-npu"))
              .findFirst()
              .orElseThrow();
      assertThat(provider.getClass().getName())
          .isEqualTo("com.acme.acmenpu.AcmeNpuBackendProvider");
      List<String> failed = failedInL0(provider);
      assertThat(failed).as("what computes").hasSizeBetween(5, 30);
      assertThat(failed).allMatch(line -> line.matches(".* expected \\S+.*, got .*"));
      assertThat(failed)
          .map(line -> line.replaceAll("failed (\\w+)/.*", "$1"))
          .as("what needs no kernel")
          .doesNotContain("provider", "buffer", "compile", "state", "timeline");
    }
  }

  @Test
  void wrongInput_isRefusedInOneLineAndMakesNothing() throws Exception {
    String into = folder.toString();
    assertThat(refusal()).isEqualTo("expected a NAME, such as acme; --help shows the rest");
    assertThat(refusal("Acme", "--into", into))
        .isEqualTo(
            "expected a NAME of lower-case letters, digits and single hyphens that begins with a"
                + " letter, got 'Acme'");
    assertThat(refusal("acme", "npu", "--into", into))
        .isEqualTo("expected one NAME, got 'acme' and 'npu'");
    assertThat(refusal("reference", "--into", into))
        .isEqualTo("reference is a backend of Lamina's own; choose another name");
    assertThat(refusal("native", "--into", into))
        .isEqualTo(
            "'native' is a word of the Java language and no name of a package; choose another");
    assertThat(refusal("acme", "--group", "Com.Acme", "--into", into))
        .isEqualTo("--group: expected a package such as com.acme, got 'Com.Acme'");
    assertThat(refusal("acme", "--into")).isEqualTo("expected a value after --into");
    assertThat(refusal("acme", "--into", into + "/nowhere"))
        .isEqualTo("--into: expected a folder, found none at '%s/nowhere'; make it first", into);
    assertThat(refusal("acme", "--into", ROOT.toString()))
        .isEqualTo(
            "--into: expected a folder outside of %s, got '%s'; a backend is a project of its own",
            ROOT.toRealPath(), ROOT.toRealPath());
    assertThat(refusal("acme", "--in", into))
        .isEqualTo("expected NAME, --group GROUP or --into FOLDER, got '--in'");
    assertThat(files(folder, "")).isEmpty();
  }

  @Test
  void aFolderThatIsThere_isLeftAsItIs() throws Exception {
    Path there = Files.createDirectory(folder.resolve("backend-acme"));
    assertThat(refusal("acme", "--into", folder.toString()))
        .isEqualTo("%s is there already; choose another name or folder", there.toRealPath());
    assertThat(files(there, "")).isEmpty();
  }

  private String refusal(String... args) throws Exception {
    Ended ended = newBackend(args);
    assertThat(ended.code()).as("exit code of %s", List.of(args)).isEqualTo(2);
    assertThat(ended.out()).isEmpty();
    assertThat(ended.err()).as("%s", List.of(args)).hasSize(1);
    assertThat(ended.err().getFirst()).startsWith("error: new-backend: ");
    return ended.err().getFirst().substring("error: new-backend: ".length());
  }

  private Ended newBackend(String... args) throws IOException, InterruptedException {
    Path err = Files.createTempFile("new-backend", ".err");
    List<String> command = new ArrayList<>(List.of(ROOT.resolve("bin/new-backend").toString()));
    command.addAll(List.of(args));
    Process process = new ProcessBuilder(command).redirectError(err.toFile()).start();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    int code = process.waitFor();
    List<String> lines = Files.readAllLines(err);
    Files.delete(err);
    return new Ended(code, out.lines().toList(), lines);
  }

  private static Path compiled(Path module) throws IOException {
    Path classes = module.resolve("target/classes");
    List<String> args =
        new ArrayList<>(
            List.of("-cp", System.getProperty("java.class.path"), "-d", classes.toString()));
    files(module, ".java").forEach(file -> args.add(file.toString()));
    ByteArrayOutputStream words = new ByteArrayOutputStream();
    int code =
        ToolProvider.getSystemJavaCompiler().run(null, words, words, args.toArray(String[]::new));
    assertThat(code).as(words.toString(StandardCharsets.UTF_8)).isZero();
    return classes;
  }

  private static List<String> failedInL0(BackendProvider provider) throws InterruptedException {
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    int code =
        ConformanceRunner.run(
            ConformanceOptions.of(provider).withLevel(Level.L0),
            new PrintStream(new ByteArrayOutputStream()),
            new PrintStream(err));
    assertThat(code).as("a backend that computes nothing").isOne();
    return err.toString(StandardCharsets.UTF_8)
        .lines()
        .filter(line -> line.startsWith("failed "))
        .toList();
  }

  private static URL url(Path folder) throws IOException {
    return folder.toUri().toURL();
  }

  private static List<Path> files(Path folder, String ending) throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      return all.filter(Files::isRegularFile)
          .filter(path -> path.toString().endsWith(ending))
          .toList();
    }
  }
}
