package dev.lamina.spi;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

class HandshakeTest {
  private record Fake(Supplier<SpiVersion> version, Supplier<ProbeResult> found)
      implements BackendProvider {
    @Override
    public String id() {
      return "fake";
    }

    @Override
    public SpiVersion builtFor() {
      return version.get();
    }

    @Override
    public int preference() {
      return 0;
    }

    @Override
    public ProbeResult probe() {
      return found.get();
    }

    @Override
    public Backend open(BackendOptions options) throws BackendException {
      throw new Unsupported("open fake: no, this is a fake");
    }
  }

  private static ProbeResult neverProbed() {
    throw new AssertionError("a provider of another version was probed");
  }

  private static SpiVersion version(int major, int minor) {
    return new SpiVersion(major, minor, 1);
  }

  @Test
  void beforeOne_onlyTheSameMinorIsTaken() {
    assertThat(version(0, 2).accepts(version(0, 2))).isTrue();
    assertThat(version(0, 2).accepts(version(0, 1))).isFalse();
    assertThat(version(0, 2).accepts(version(0, 3))).isFalse();
    assertThat(version(1, 0).accepts(version(0, 9))).isFalse();
  }

  @Test
  void fromOne_theMinorAndTheOneBeforeAreTaken() {
    assertThat(version(1, 4).accepts(version(1, 4))).isTrue();
    assertThat(version(1, 4).accepts(version(1, 3))).isTrue();
    assertThat(version(1, 4).accepts(version(1, 2))).isFalse();
    assertThat(version(1, 4).accepts(version(1, 5))).isFalse();
    assertThat(version(1, 4).accepts(version(2, 4))).isFalse();
  }

  @Test
  void theOpset_isNotPartOfTheHandshake() {
    assertThat(version(1, 4).accepts(new SpiVersion(1, 4, 9))).isTrue();
  }

  @Test
  void refusal_saysBothVersionsAndWhatToDo() {
    assertThat(version(0, 1).refusal(version(0, 3)))
        .isEqualTo(
            "built against SPI 0.3 (opset 1), this Lamina speaks SPI 0.1 (opset 1) and takes"
                + " backends of SPI 0.1; take a newer Lamina, or rebuild the backend against this"
                + " Lamina's lamina-bom");
    assertThat(version(1, 4).refusal(version(1, 2)))
        .isEqualTo(
            "built against SPI 1.2 (opset 1), this Lamina speaks SPI 1.4 (opset 1) and takes"
                + " backends of SPI 1.3 and 1.4; take a newer release of the backend, or rebuild the"
                + " backend against this Lamina's lamina-bom");
  }

  @Test
  void greeting_probesNoProviderOfAnotherVersion() {
    SpiVersion other = version(SpiVersion.MAJOR, SpiVersion.MINOR + 2);
    ProbeResult found = ProbeResult.of(new Fake(() -> other, HandshakeTest::neverProbed));
    assertThat(found).isEqualTo(new ProbeResult.Broken(SpiVersion.CURRENT.refusal(other), null));
  }

  @Test
  void greeting_probesAProviderOfThisVersion() {
    ProbeResult result = new ProbeResult.Available(List.of());
    assertThat(ProbeResult.of(new Fake(() -> SpiVersion.CURRENT, () -> result))).isSameAs(result);
  }

  @Test
  void greeting_tellsWhatDoesNotLink() {
    NoSuchMethodError gone = new NoSuchMethodError("'void dev.lamina.spi.Buffer.gone()'");
    ProbeResult found =
        ProbeResult.of(
            new Fake(
                () -> SpiVersion.CURRENT,
                () -> {
                  throw gone;
                }));
    assertThat(found)
        .isEqualTo(
            new ProbeResult.Broken(
                "does not link with the jars here, which speak SPI "
                    + SpiVersion.CURRENT
                    + " (NoSuchMethodError: 'void dev.lamina.spi.Buffer.gone()'); rebuild the"
                    + " backend against this Lamina's lamina-bom, or add the jars it needs",
                gone));
  }
}
