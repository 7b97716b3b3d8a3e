package dev.lamina.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendOptions;
import dev.lamina.spi.BackendProvider;
import dev.lamina.spi.ProbeResult;
import dev.lamina.spi.SpiVersion;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;

/** A backend built against another SPI gets one line instead of a few thousand odd failures. */
class HandshakeTest {
  private static final SpiVersion OTHER =
      new SpiVersion(SpiVersion.MAJOR, SpiVersion.MINOR + 2, SpiVersion.OPSET);
  private static final String REFUSAL =
      "built against SPI "
          + OTHER
          + ", this Lamina speaks SPI "
          + SpiVersion.CURRENT
          + " and takes backends of SPI "
          + SpiVersion.MAJOR
          + "."
          + SpiVersion.MINOR
          + "; take a newer Lamina, or rebuild the backend against"
          + " this Lamina's lamina-bom";

  private static final class Newer implements BackendProvider {
    @Override
    public String id() {
      return "newer";
    }

    @Override
    public SpiVersion builtFor() {
      return OTHER;
    }

    @Override
    public int preference() {
      return -1;
    }

    @Override
    public ProbeResult probe() {
      throw new AssertionError("must not be probed");
    }

    @Override
    public Backend open(BackendOptions options) {
      throw new AssertionError("must not be opened");
    }
  }

  private static final class NewerConformance extends BackendConformance {
    @Override
    protected BackendProvider provider() {
      return new Newer();
    }
  }

  @Test
  void commandLine_refusesInOneLine() throws InterruptedException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    int code =
        ConformanceRunner.run(
            ConformanceOptions.of(new Newer()), new PrintStream(out), new PrintStream(err));
    assertThat(code).isEqualTo(1);
    assertThat(out.toString(StandardCharsets.UTF_8)).isEmpty();
    assertThat(err.toString(StandardCharsets.UTF_8).lines())
        .containsExactly("error: conformance: backend newer is broken: " + REFUSAL);
  }

  @Test
  void junit_failsOnceWithTheSameWords() {
    List<DynamicNode> tests = new NewerConformance().conforms().toList();
    assertThat(tests).singleElement().isInstanceOf(DynamicTest.class);
    assertThatThrownBy(() -> ((DynamicTest) tests.getFirst()).getExecutable().execute())
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("newer is broken: " + REFUSAL);
  }
}
