package dev.lamina.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.backend.sdk.HostDevice;
import dev.lamina.spi.BackendProvider;
import dev.lamina.spi.SpiVersion;
import java.io.IOException;
import java.lang.classfile.Attributes;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.MethodModel;
import java.lang.reflect.AccessFlag;
import java.nio.file.Path;
import java.util.TreeSet;
import java.util.jar.JarFile;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The API that the build compares with: of this version of the SPI, whole, and without code. */
class ApiBaselineTest {
  private static final Path ROOT =
      Path.of(System.getProperty("lamina.fixtures")).toAbsolutePath().getParent();

  @Test
  void baseline_isOfTheVersionThatTheSpiSays() throws IOException {
    ClassModel version = baseline("spi", SpiVersion.class);
    assertThat(constant(version, "MAJOR") + "." + constant(version, "MINOR"))
        .as(
            "SPI version of spi/api-baseline.jar; if it was raised on purpose, run bin/api-baseline")
        .isEqualTo(SpiVersion.MAJOR + "." + SpiVersion.MINOR);
  }

  @Test
  void baseline_hasWhatAProviderImplementsAndCalls() throws IOException {
    assertThat(names(baseline("spi", BackendProvider.class)))
        .contains("id", "builtFor", "preference", "probe", "open");
    assertThat(names(baseline("backend-sdk", HostDevice.class)))
        .contains("<init>", "allocate", "compile", "newQueue");
  }

  @Test
  void baseline_hasNoCodeAndNothingPrivate() throws IOException {
    for (String module : new String[] {"spi", "backend-sdk"}) {
      try (JarFile jar = jar(module)) {
        int methods = 0;
        for (var entry : jar.stream().toList()) {
          ClassModel type = ClassFile.of().parse(jar.getInputStream(entry).readAllBytes());
          for (MethodModel method : type.methods()) {
            methods++;
            assertThat(method.code()).as("%s of %s", method, entry).isEmpty();
            assertThat(method.flags().has(AccessFlag.PRIVATE)).isFalse();
          }
        }
        assertThat(methods).as("methods of %s", module).isGreaterThan(150);
      }
    }
  }

  private static JarFile jar(String module) throws IOException {
    return new JarFile(ROOT.resolve(module).resolve("api-baseline.jar").toFile());
  }

  private static ClassModel baseline(String module, Class<?> type) throws IOException {
    try (JarFile jar = jar(module)) {
      var entry = jar.getJarEntry(type.getName().replace('.', '/') + ".class");
      return ClassFile.of().parse(jar.getInputStream(entry).readAllBytes());
    }
  }

  private static String constant(ClassModel type, String name) {
    return type.fields().stream()
        .filter(field -> field.fieldName().equalsString(name))
        .map(field -> field.findAttribute(Attributes.constantValue()).orElseThrow())
        .map(value -> value.constant().constantValue().toString())
        .findFirst()
        .orElseThrow();
  }

  private static TreeSet<String> names(ClassModel type) {
    return type.methods().stream()
        .map(method -> method.methodName().stringValue())
        .collect(Collectors.toCollection(TreeSet::new));
  }
}
