package dev.lamina.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What the launcher refuses before it builds or starts anything. */
class LauncherTest {
  private static final Path ROOT =
      Path.of(System.getProperty("lamina.fixtures")).toAbsolutePath().getParent();

  @Test
  void aBackendsJarThatIsNotThere_isNamed() throws IOException, InterruptedException {
    String jar = ROOT.resolve("pom.xml").toString();
    assertRefused("/nowhere/acme.jar", "/nowhere/acme.jar");
    assertRefused(jar + ":acme.jar", "acme.jar");
    assertRefused(jar + "::" + jar, "");
  }

  @Test
  void aFolderThatIsNotTornadoVms_isNamedWhereTheBackendIsAskedFor()
      throws IOException, InterruptedException {
    String message =
        "TORNADOVM_HOME: expected TornadoVM's SDK in '/nowhere', found no"
            + " etc/exportLists/common-exports; name the SDK's folder, or unset the variable";
    for (String command :
        new String[] {"backends", "run --backend tornado", "run --backend=tornado:1"}) {
      assertRefused("TORNADOVM_HOME", "/nowhere", message, command.split(" "));
    }
  }

  private static void assertRefused(String backends, String missing)
      throws IOException, InterruptedException {
    assertRefused(
        "LAMINA_BACKENDS",
        backends,
        "LAMINA_BACKENDS: expected jars separated by colons, found none at '%s'; build it, or unset the variable"
            .formatted(missing),
        "--help");
  }

  private static void assertRefused(
      String variable, String value, String message, String... command)
      throws IOException, InterruptedException {
    List<String> line = new ArrayList<>(List.of(ROOT.resolve("bin/lamina").toString()));
    line.addAll(List.of(command));
    ProcessBuilder lamina = new ProcessBuilder(line).redirectErrorStream(true);
    lamina.environment().put(variable, value);
    Process process = lamina.start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(said).isEqualTo("error: lamina: " + message + "\n");
    assertThat(process.waitFor()).isOne();
  }
}
