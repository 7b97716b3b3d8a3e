package dev.lamina.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;

/** A row as a line and as JSON. */
class BenchRowTest {
  private static BenchRow row(double bandwidth, double flops) {
    double[] rates = {30, 10, 20.04};
    return new BenchRow(
        0, 128, 8, 0, rates, bandwidth, flops, OptionalDouble.empty(), OptionalDouble.of(0.125));
  }

  @Test
  void line_tellsPartsOfThePeaksThatWereMeasured() {
    assertThat(row(0.5, 0.0625))
        .hasToString(
            "tg128                    np 8          20.0 tok/s  (10.0 .. 30.0)"
                + "   50.0 % of bandwidth    6.3 % of FMA peak  12.50 % idle");
    assertThat(row(0.5, 0).toString()).contains("  50.0 % of bandwidth  unknown part of FMA peak");
  }

  @Test
  void line_saysThatNoPeakIsKnown_andJsonKeepsItsFields() {
    assertThat(row(0, 0))
        .hasToString(
            "tg128                    np 8          20.0 tok/s  (10.0 .. 30.0)"
                + "  no peak is known  12.50 % idle");
    assertThat(row(0, 0).json(Json.object()).toString())
        .contains("\"bandwidth_fraction\":0.0", "\"flops_fraction\":0.0");
  }
}
