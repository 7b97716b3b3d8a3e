package dev.lamina.backend.rocm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.backend.rocm.driver.Shim;
import dev.lamina.conformance.BackendConformance;
import dev.lamina.conformance.ConformanceOptions;
import dev.lamina.conformance.Level;
import dev.lamina.spi.BackendProvider;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/**
 * The kit's projections of BF16 with hipBLASLt multiplying what it can. {@code
 * -Dlamina.rocm.products=PATTERN} runs others.
 */
class BlasConformanceTest extends BackendConformance {
  private static Shim shim;

  private final BackendProvider provider = new EagerProductsProvider();

  @BeforeAll
  static void openShim() {
    shim = Shim.open();
  }

  @AfterAll
  static void itMultiplied() {
    assertThat(shim.products()).isGreaterThan(10);
    assertThat(shim.liveOfBlas()).isZero();
  }

  @Override
  protected BackendProvider provider() {
    return provider;
  }

  @Override
  protected ConformanceOptions options() {
    return super.options()
        .withSeed(5)
        .withLevel(Level.L2)
        .withOnly(System.getProperty("lamina.rocm.products", "linear/1/bf16/*"));
  }
}
