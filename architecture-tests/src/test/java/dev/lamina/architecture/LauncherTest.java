package dev.lamina.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
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

  private static void assertRefused(String backends, String missing)
      throws IOException, InterruptedException {
    ProcessBuilder lamina =
        new ProcessBuilder(ROOT.resolve("bin/lamina").toString(), "--help")
            .redirectErrorStream(true);
    lamina.environment().put("LAMINA_BACKENDS", backends);
    Process process = lamina.start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(said)
        .isEqualTo(
            "error: lamina: LAMINA_BACKENDS: expected jars separated by colons, found none at '%s';"
                + " build it, or unset the variable\n",
            missing);
    assertThat(process.waitFor()).isOne();
  }
}
