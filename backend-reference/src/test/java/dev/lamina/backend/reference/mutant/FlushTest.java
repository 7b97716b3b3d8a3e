package dev.lamina.backend.reference.mutant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.conformance.CaseCatalog;
import dev.lamina.conformance.CaseId;
import dev.lamina.conformance.CheckFailedException;
import dev.lamina.conformance.Context;
import dev.lamina.conformance.Outcome;
import dev.lamina.conformance.Verdict;
import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.BackendOptions;
import dev.lamina.spi.BackendProvider;
import dev.lamina.spi.Cap;
import dev.lamina.spi.Device;
import dev.lamina.spi.DeviceInfo;
import dev.lamina.spi.ProbeResult;
import dev.lamina.spi.SpiVersion;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Subnormals of F32 on a device that may flush: kept they pass, flushed they are declared. */
class FlushTest {
  private static final Mutant FLUSHES = mutant("matmul-subnormals-lost");

  private static Mutant mutant(String name) {
    return Mutants.all().stream().filter(m -> m.name().equals(name)).findFirst().orElseThrow();
  }

  /** Declares that it may flush. */
  private static final class Flushing extends FaultyDevice {
    Flushing(Device right) {
      super(right);
    }

    @Override
    public DeviceInfo info() {
      DeviceInfo i = right.info();
      Set<Cap> caps = new HashSet<>(i.caps());
      caps.add(Cap.FTZ);
      return new DeviceInfo(
          i.ordinal(), i.name(), i.arch(), i.memory(), i.limits(), i.dtypes(), caps, i.peak());
    }
  }

  /** A mutant whose device declares that it may flush. */
  private record Declaring(MutantBackend right) implements BackendProvider {
    @Override
    public String id() {
      return right.id();
    }

    @Override
    public SpiVersion builtFor() {
      return right.builtFor();
    }

    @Override
    public int preference() {
      return right.preference();
    }

    @Override
    public ProbeResult probe() {
      return right.probe();
    }

    @Override
    public Backend open(BackendOptions options) throws BackendException {
      return new MutantBackend.WrongBackend(right.open(options), new Fault.OfDevice(Flushing::new));
    }
  }

  private static Outcome run(BackendProvider backend, String dtype) throws Exception {
    CaseId id = CaseId.parse("matmul/1/%s/5x17x9/subnormal-a/s0".formatted(dtype));
    try (Context context = new Context(backend, 0, BackendOptions.DEFAULT)) {
      return CaseCatalog.of(0).cases().stream()
          .filter(c -> c.id().equals(id))
          .findFirst()
          .orElseThrow()
          .run(context);
    }
  }

  @Test
  void keptSubnormals_pass_thoughTheDeviceMayFlush() throws Exception {
    Outcome kept = run(new Declaring(new MutantBackend(Mutant.NONE)), "f32");
    assertThat(kept.verdict()).isEqualTo(Verdict.PASSED);
    assertThat(kept.worstRatio()).isLessThanOrEqualTo(1);
  }

  @Test
  void flushedSubnormals_areDeclared_orFail() throws Exception {
    for (String dtype : new String[] {"f32", "bf16"}) {
      assertThat(run(new Declaring(new MutantBackend(FLUSHES)), dtype))
          .isEqualTo(
              Outcome.unsupported("the device flushed subnormals of F32, as it declares (FTZ)"));
      assertThatThrownBy(() -> run(new MutantBackend(FLUSHES), dtype))
          .isInstanceOf(CheckFailedException.class);
    }
  }

  @Test
  void subnormalsOfF16_areNormalInF32_andNoExcuse() {
    BackendProvider wrong = new Declaring(new MutantBackend(mutant("matmul-scaled")));
    assertThatThrownBy(() -> run(wrong, "f16")).isInstanceOf(CheckFailedException.class);
  }
}
