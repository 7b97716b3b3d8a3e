package dev.lamina;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.BackendOptions;
import dev.lamina.spi.BackendProvider;
import dev.lamina.spi.DeviceInfo;
import dev.lamina.spi.ProbeResult;
import dev.lamina.spi.SpiVersion;
import dev.lamina.spi.Unsupported;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BackendsTest {
  private static final ProbeResult ONE =
      new ProbeResult.Available(
          List.of(
              new DeviceInfo(
                  0,
                  "chip",
                  "arch",
                  new DeviceInfo.MemoryInfo(1, 1, false),
                  new DeviceInfo.Limits(1, 1),
                  Set.of(),
                  Set.of(),
                  DeviceInfo.Peak.UNKNOWN)));

  private record Fake(String id, int preference, SpiVersion builtFor, ProbeResult result)
      implements BackendProvider {

    @Override
    public ProbeResult probe() {
      return result;
    }

    @Override
    public Backend open(BackendOptions options) throws BackendException {
      throw new Unsupported("open " + id + ": no, this is a fake");
    }
  }

  private static Backends.Found found(String id, int preference, ProbeResult result) {
    BackendProvider provider = new Fake(id, preference, SpiVersion.CURRENT, result);
    return new Backends.Found(provider, result);
  }

  /** Picks where every self-check passes. */
  private static Backends.Choice choose(@Nullable String named, List<Backends.Found> all) {
    return named == null
        ? Backends.best(all, f -> Optional.empty())
        : Backends.named(named, all.stream().map(Backends.Found::provider).toList());
  }

  private static final List<Backends.Found> ALL =
      List.of(
          found("gone", 30, new ProbeResult.Absent("no driver")),
          found("slow", 10, ONE),
          found("skeleton", -1, ONE));

  @Test
  void choose_takesThePreferredAvailableOneAndSaysWhatIsBroken() {
    Backends.Choice choice = choose(null, ALL);
    assertThat(choice.id()).isEqualTo("slow:0");
    assertThat(choice.announcement()).isEqualTo("backend slow:0 (chip); --backend picks another");
    List<Backends.Found> withBroken =
        List.of(found("old", 20, new ProbeResult.Broken("driver too old", null)), ALL.get(1));
    assertThat(choose(null, withBroken).announcement())
        .isEqualTo("backend slow:0 (chip), not old (driver too old); --backend picks another");
  }

  @Test
  void choose_passesOverADeviceThatFailsItsSelfCheckUnlessItIsNamed() {
    List<Backends.Found> all = List.of(found("odd", 20, ONE), ALL.get(1));
    Backends.Vetting odd =
        f ->
            f.provider().id().equals("odd")
                ? Optional.of("matmul: element 3: expected 1, got 2")
                : Optional.empty();
    assertThat(Backends.best(all, odd).announcement())
        .isEqualTo(
            "backend slow:0 (chip), not odd (failed its self-check: matmul: element 3: expected 1,"
                + " got 2); --backend picks another");
    assertThat(choose("odd", all).id()).isEqualTo("odd:0");
  }

  @Test
  void choose_takesANegativePreferenceOnlyWhenNamed() {
    assertThat(choose("skeleton", ALL).id()).isEqualTo("skeleton:0");
    assertThatThrownBy(() -> choose(null, List.of(ALL.get(0), ALL.get(2))))
        .isInstanceOf(LaminaException.class)
        .hasMessage("backend: expected at least one that can be used, found gone (no driver)");
  }

  @Test
  void choose_refusesInOneLine() {
    assertThatThrownBy(() -> choose("gone", ALL))
        .hasMessage("backend gone cannot be used: no driver; `lamina backends` lists all");
    assertThatThrownBy(() -> choose("slow:3", ALL))
        .hasMessage("backend slow: expected a device of 0..0, got 3");
    assertThatThrownBy(() -> choose("slow:x", ALL))
        .hasMessage("backend: expected ID or ID:N, got 'slow:x'");
    assertThatThrownBy(() -> choose("none", ALL))
        .hasMessage("backend: expected one of [gone, skeleton, slow], got 'none'");
  }

  @Test
  void choose_refusesABackendOfAnotherSpiInOneLine() {
    SpiVersion other = new SpiVersion(SpiVersion.MAJOR + 1, 0, 1);
    BackendProvider newer = new Fake("newer", 50, other, ONE);
    List<Backends.Found> all =
        List.of(new Backends.Found(newer, ProbeResult.of(newer)), ALL.get(1));
    assertThatThrownBy(() -> choose("newer", all))
        .isInstanceOf(LaminaException.class)
        .hasMessage(
            "backend newer cannot be used: "
                + SpiVersion.CURRENT.refusal(other)
                + "; `lamina backends` lists all");
    assertThat(choose(null, all).announcement())
        .startsWith("backend slow:0 (chip), not newer (built against SPI 1.0 (opset 1), this ");
  }

  @Test
  void all_saysWhichBackendDoesNotLoad(@TempDir Path jar) throws Exception {
    Path services = Files.createDirectories(jar.resolve("META-INF/services"));
    Files.writeString(services.resolve(BackendProvider.class.getName()), "com.acme.Gone");
    Thread thread = Thread.currentThread();
    ClassLoader before = thread.getContextClassLoader();
    try (URLClassLoader loader = new URLClassLoader(new URL[] {jar.toUri().toURL()}, before)) {
      thread.setContextClassLoader(loader);
      assertThatThrownBy(Backends::all)
          .isInstanceOf(LaminaException.class)
          .hasMessage(
              "backends: one does not load: dev.lamina.spi.BackendProvider: Provider com.acme.Gone"
                  + " not found; rebuild it against this Lamina's lamina-bom, or take its jar away");
    } finally {
      thread.setContextClassLoader(before);
    }
  }

  @Test
  void open_keepsTheBackendsOwnWords() {
    assertThatThrownBy(() -> choose("slow", ALL).open(BackendOptions.DEFAULT))
        .isInstanceOf(LaminaException.class)
        .hasMessage("backend slow:0: open slow: no, this is a fake");
  }
}
