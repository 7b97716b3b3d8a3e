package dev.lamina.backend.rocm.driver;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

/** hiprtc is asked only for what it is taken to have. */
class ArchitecturesTest {
  @Test
  void anOldOne_knowsNoNewChip() {
    Architectures known = Architectures.of(50_221_153, null);
    assertThat(known.version()).isEqualTo(502);
    assertThat(known.known()).contains("gfx90a", "gfx1030").doesNotContain("gfx1100", "gfx942");
    assertThatThrownBy(() -> known.require("gfx1100"))
        .isInstanceOf(HipException.class)
        .hasMessage(
            "kernels: expected one of gfx900, gfx906, gfx908, gfx90a, gfx1030, which the hiprtc of"
                + " HIP 5.2 is asked to compile for, got gfx1100; install a newer ROCm, or if this"
                + " one has it, name it in LAMINA_ROCM_ARCHITECTURES");
  }

  @Test
  void aNewOne_knowsTheOldChipsToo() throws HipException {
    Architectures known = Architectures.of(70_100_000, " ");
    known.require("gfx90a");
    known.require("gfx950");
    known.require("gfx1201");
  }

  @Test
  void whoeverNamesMore_isBelieved() throws HipException {
    Architectures known = Architectures.of(50_221_153, " gfx1031 , gfx1032");
    known.require("gfx1031");
    known.require("gfx1032");
  }
}
