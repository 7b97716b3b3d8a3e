package dev.lamina.cli;

import dev.lamina.spi.RunMeter.RunTimes;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import tools.jackson.databind.node.ObjectNode;

/**
 * One measured row of a benchmark.
 *
 * @param numPrompt tokens of prompt a sequence, 0 in a decode row
 * @param numGenerated tokens generated a sequence, 0 in a prefill row
 * @param numParallel sequences at once
 * @param requests requests of an engine row, 0 else
 * @param rates tokens a second of each repetition
 * @param bandwidthFraction bytes that must be read over what the bandwidth measured beside it
 *     allows; median, 0 if none was measured
 * @param flopsFraction operations that must be done over what the peak measured beside it allows;
 *     median, 0 if none was measured
 * @param rooflineFraction time that its steps take at least over the time that they took, where
 *     each is bound by its bytes or by its operations: of an engine row; median
 * @param idleFraction share of the time, by the device's clock, in which it ran no part of a step:
 *     gaps between steps and within them; median, empty if the device has no clock
 */
record BenchRow(
    int numPrompt,
    int numGenerated,
    int numParallel,
    int requests,
    double[] rates,
    double bandwidthFraction,
    double flopsFraction,
    OptionalDouble rooflineFraction,
    OptionalDouble idleFraction) {

  /** The median share of repetitions that a device's clock timed. */
  static OptionalDouble idleFraction(List<RunTimes> times) {
    return times.isEmpty()
        ? OptionalDouble.empty()
        : OptionalDouble.of(median(times.stream().mapToDouble(RunTimes::idleFraction).toArray()));
  }

  double median() {
    return median(rates);
  }

  static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    int n = sorted.length;
    return n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
  }

  private double min() {
    return Arrays.stream(rates).min().orElse(0);
  }

  private double max() {
    return Arrays.stream(rates).max().orElse(0);
  }

  /** This row under a machine and model. */
  ObjectNode json(ObjectNode common) {
    ObjectNode row = Json.object();
    row.put("n_prompt", numPrompt);
    row.put("n_gen", numGenerated);
    row.put("n_parallel", numParallel);
    row.put("requests", requests);
    row.setAll(common);
    row.put("median_ts", median());
    row.put("min_ts", min());
    row.put("max_ts", max());
    row.put("bandwidth_fraction", bandwidthFraction);
    row.put("flops_fraction", flopsFraction);
    if (rooflineFraction.isPresent()) {
      row.put("roofline_fraction", rooflineFraction.getAsDouble());
    }
    if (idleFraction.isPresent()) {
      row.put("idle_fraction", idleFraction.getAsDouble());
    }
    return row;
  }

  @Override
  public String toString() {
    String test =
        requests > 0
            ? "%d x (%d in, %d out)".formatted(requests, numPrompt, numGenerated)
            : numGenerated == 0 ? "pp" + numPrompt : "tg" + numGenerated;
    return String.format(
            Locale.ROOT,
            "%-24s np %-4d %10.1f tok/s  (%.1f .. %.1f)",
            test,
            numParallel,
            median(),
            min(),
            max())
        + peaks()
        + percent(rooflineFraction, "of the roofline")
        + percent(idleFraction, "idle");
  }

  /** What it reached of what the device does, as far as that was measured. */
  private String peaks() {
    if (bandwidthFraction == 0 && flopsFraction == 0) {
      return "  no peak is known";
    }
    return ofPeak(bandwidthFraction, "bandwidth") + ofPeak(flopsFraction, "FMA peak");
  }

  private static String ofPeak(double fraction, String what) {
    return fraction == 0
        ? "  unknown part of " + what
        : String.format(Locale.ROOT, "  %5.1f %% of %s", 100 * fraction, what);
  }

  private static String percent(OptionalDouble fraction, String of) {
    return fraction.isEmpty()
        ? ""
        : String.format(Locale.ROOT, "  %5.2f %% %s", 100 * fraction.getAsDouble(), of);
  }
}
