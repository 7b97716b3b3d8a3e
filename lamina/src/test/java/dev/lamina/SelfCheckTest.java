package dev.lamina;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendOptions;
import dev.lamina.spi.BackendProvider;
import dev.lamina.spi.DeviceInfo;
import dev.lamina.spi.OutOfDeviceMemory;
import dev.lamina.spi.ProbeResult;
import dev.lamina.spi.SpiVersion;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SelfCheckTest {
  private static BackendProvider provider(String id) {
    return Backends.all().stream()
        .map(Backends.Found::provider)
        .filter(p -> p.id().equals(id))
        .findFirst()
        .orElseThrow();
  }

  @Test
  void graphs_areTwenty() {
    assertThat(SelfCheck.graphs()).hasSize(20);
  }

  @Test
  void failure_isNothingOfABackendThatComputes() throws Exception {
    assertThat(SelfCheck.failure(provider("cpu-vector"), 0, provider("reference"))).isEmpty();
  }

  @Test
  void failure_namesTheOpOfABackendThatComputesNothing() throws Exception {
    assertThat(SelfCheck.failure(provider("null"), 0, provider("reference")))
        .hasValueSatisfying(why ->
            assertThat(why)
                .matches("add, multiply, select: element 0: expected -?0\\.\\d+, got 0\\.0+"));
  }

  private record Chip(String driver) implements BackendProvider {
    @Override
    public String id() {
      return "chip";
    }

    @Override
    public SpiVersion builtFor() {
      return SpiVersion.CURRENT;
    }

    @Override
    public int preference() {
      return 10;
    }

    @Override
    public ProbeResult probe() {
      return new ProbeResult.Available(List.of(DEVICE));
    }

    @Override
    public Backend open(BackendOptions options) {
      throw new IllegalStateException("not opened by these tests");
    }
  }

  private static final DeviceInfo DEVICE =
      new DeviceInfo(
          0,
          "chip",
          "arch",
          new DeviceInfo.MemoryInfo(1, 1, false),
          new DeviceInfo.Limits(1, 1),
          Set.of(),
          Set.of(),
          DeviceInfo.Peak.UNKNOWN);

  @Test
  void verdict_isKeptUntilTheDriverChanges(@TempDir Path folder) {
    Verdicts verdicts = new Verdicts(folder.resolve("new"));
    AtomicInteger checks = new AtomicInteger();
    Verdicts.Check wrong =
        () -> {
          checks.incrementAndGet();
          return Optional.of("sum: element 0: expected 1, got 2");
        };
    for (int i = 0; i < 2; i++) {
      assertThat(verdicts.failure(new Chip("driver 1"), DEVICE, wrong))
          .contains("sum: element 0: expected 1, got 2");
    }
    assertThat(checks).hasValue(1);
    assertThat(verdicts.failure(new Chip("driver 2"), DEVICE, Optional::empty)).isEmpty();
    assertThat(verdicts.failure(new Chip("driver 2"), DEVICE, wrong)).isEmpty();
    assertThat(checks).hasValue(1);
  }

  @Test
  void verdict_isNotKeptOfACheckThatDidNotRun(@TempDir Path folder) {
    Verdicts verdicts = new Verdicts(folder);
    assertThat(
            verdicts.failure(
                new Chip("1"),
                DEVICE,
                () -> {
                  throw new OutOfDeviceMemory("no memory now", null);
                }))
        .contains("no memory now");
    assertThat(verdicts.failure(new Chip("1"), DEVICE, Optional::empty)).isEmpty();
  }

  @Test
  void verdict_ofAProcessThatEndedInTheMiddleIsAFailure(@TempDir Path folder) throws Exception {
    Verdicts verdicts = new Verdicts(folder);
    Chip chip = new Chip("1");
    assertThat(verdicts.failure(chip, DEVICE, Optional::empty)).isEmpty();
    Process gone = new ProcessBuilder("true").start();
    gone.waitFor();
    rewrite(folder, "running in process " + gone.pid());
    assertThat(verdicts.failure(chip, DEVICE, Optional::empty))
        .contains("the process of its last self-check ended in the middle of it");
    rewrite(folder, "nonsense");
    assertThat(verdicts.failure(chip, DEVICE, Optional::empty)).isEmpty();
  }

  private static void rewrite(Path folder, String verdict) throws IOException {
    try (var files = Files.list(folder)) {
      Files.writeString(files.findFirst().orElseThrow(), verdict + "\n");
    }
  }
}
