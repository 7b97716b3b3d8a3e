package dev.lamina.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.classfile.ClassFile;
import java.lang.classfile.instruction.InvokeDynamicInstruction;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.jar.JarOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The launcher's rewriting of classes changes when they link, not what they mean. */
class QuickenClassesTest {
  private static final Path TOOL =
      Path.of(System.getProperty("lamina.fixtures"))
          .toAbsolutePath()
          .resolveSibling("bin/QuickenClasses.java");
  private static final List<Class<?>> SAMPLES =
      List.of(
          QuickenedSamples.class,
          QuickenedSamples.Shape.class,
          QuickenedSamples.Dot.class,
          QuickenedSamples.Everything.class);

  @TempDir Path folder;

  @Test
  void rewrittenClasses_meanTheSame_andLinkNothingAtRunTime() throws Exception {
    Path jar = folder.resolve("samples.jar");
    try (OutputStream file = Files.newOutputStream(jar);
        JarOutputStream out = new JarOutputStream(file)) {
      for (Class<?> sample : SAMPLES) {
        out.putNextEntry(new JarEntry(nameOf(sample)));
        try (InputStream in = sample.getResourceAsStream("/" + nameOf(sample))) {
          in.transferTo(out);
        }
        out.closeEntry();
      }
    }
    assertThat(slowCallSites(jar))
        .containsExactlyInAnyOrder("equals", "hashCode", "typeSwitch", "toString");

    quicken(jar);

    assertThat(slowCallSites(jar)).containsExactly("toString");
    try (URLClassLoader quick = new URLClassLoader(new URL[] {jar.toUri().toURL()}, null)) {
      Class<?> rewritten = quick.loadClass(QuickenedSamples.class.getName());
      assertThat(rewritten).isNotSameAs(QuickenedSamples.class);
      assertThat(rewritten.getMethod("report").invoke(null)).isEqualTo(QuickenedSamples.report());
    }
  }

  private static String nameOf(Class<?> type) {
    return type.getName().replace('.', '/') + ".class";
  }

  private static TreeSet<String> slowCallSites(Path jar) throws IOException {
    TreeSet<String> names = new TreeSet<>();
    try (JarFile in = new JarFile(jar.toFile())) {
      for (JarEntry entry : in.stream().toList()) {
        ClassFile.of().parse(in.getInputStream(entry).readAllBytes()).methods().stream()
            .flatMap(method -> method.code().stream())
            .flatMap(code -> code.elementStream())
            .filter(InvokeDynamicInstruction.class::isInstance)
            .map(InvokeDynamicInstruction.class::cast)
            .filter(call -> !call.bootstrapMethod().owner().displayName().startsWith("String"))
            .forEach(call -> names.add(call.name().stringValue()));
      }
    }
    return names;
  }

  private static void quicken(Path jar) throws IOException, InterruptedException {
    Path java = Path.of(System.getProperty("java.home"), "bin", "java");
    Process process =
        new ProcessBuilder(java.toString(), TOOL.toString(), jar.toString())
            .redirectErrorStream(true)
            .start();
    String output = new String(process.getInputStream().readAllBytes());
    assertThat(process.waitFor()).as(output).isZero();
  }
}
