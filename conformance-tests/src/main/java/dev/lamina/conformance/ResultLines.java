package dev.lamina.conformance;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How a child process tells a result: lines that start with a mark, fields between tabs. A line
 * without the mark is something that the backend printed.
 */
final class ResultLines {
  /** Begins a line of the protocol, also behind what a backend printed without a line's end. */
  static final String MARK = "\u0001lamina ";

  /** The first line: the process takes cases. */
  static final String READY = "ready";

  /** Asks what the running case is in, and begins the answer. */
  static final String WHERE = "where";

  private static final String DONE = "done";

  private final List<Observed.KernelUse> kernels = new ArrayList<>();
  private final List<Measurement> measurements = new ArrayList<>();
  private final List<Timing> timings = new ArrayList<>();

  /** The lines of a result; the last one ends it. */
  static List<String> of(CaseResult r) {
    List<String> lines = new ArrayList<>();
    for (Observed.KernelUse k : r.observed().kernels()) {
      lines.add(line("kernel", k.op(), k.kernel(), k.decomposed(), k.detail()));
    }
    for (Measurement m : r.observed().measurements()) {
      lines.add(line("measured", m.name(), m.value(), m.unit(), m.remark()));
    }
    for (Timing t : r.observed().timings()) {
      lines.add(
          line(
              "timed",
              t.name(),
              t.kernels(),
              t.seconds(),
              t.bytes(),
              t.flops(),
              t.bytesPerSecond(),
              t.flopsPerSecond(),
              t.floor(),
              t.verdict()));
    }
    lines.add(line(DONE, r.verdict(), r.worstRatio(), r.millis(), r.message()));
    return lines;
  }

  static String line(Object... fields) {
    StringBuilder out = new StringBuilder(MARK);
    for (int i = 0; i < fields.length; i++) {
      out.append(i == 0 ? "" : "\t");
      out.append(String.valueOf(fields[i]).replaceAll("\\s*[\\r\\n\\t]\\s*", " "));
    }
    return out.toString();
  }

  /** Reads one line without its mark; returns the result if the line ends it, else null. */
  @Nullable CaseResult read(String line, Case c) {
    String[] f = line.split("\t", -1);
    switch (f[0]) {
      case "kernel" ->
          kernels.add(new Observed.KernelUse(f[1], f[2], Boolean.parseBoolean(f[3]), f[4]));
      case "measured" ->
          measurements.add(new Measurement(f[1], Double.parseDouble(f[2]), f[3], f[4]));
      case "timed" -> timings.add(timing(f));
      case DONE -> {
        Observed observed = new Observed(kernels, measurements, timings);
        double ratio = Double.parseDouble(f[2]);
        return new CaseResult(
            c, Verdict.valueOf(f[1]), ratio, f[4], Long.parseLong(f[3]), observed);
      }
      default -> throw new IllegalStateException("conformance: unknown line '" + line + "'");
    }
    return null;
  }

  private static Timing timing(String[] f) {
    return new Timing(
        f[1],
        f[2],
        Double.parseDouble(f[3]),
        Double.parseDouble(f[4]),
        Double.parseDouble(f[5]),
        Double.parseDouble(f[6]),
        Double.parseDouble(f[7]),
        Double.parseDouble(f[8]),
        Timing.FloorVerdict.valueOf(f[9]));
  }
}
