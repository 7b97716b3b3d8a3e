package dev.lamina.conformance.report;

import dev.lamina.conformance.CaseResult;
import dev.lamina.conformance.Verdict;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Op;
import dev.lamina.spi.ir.QuantFormat;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Ops by dtypes: how each runs, and how close to its limit; what is no op stands apart. */
final class Matrix {
  /** A quantised weight makes the column of its projection. */
  private static final Pattern WEIGHT = Pattern.compile("w=(q\\w+)");

  /** Ops of each group in order. */
  private final Map<String, List<String>> groups = new LinkedHashMap<>();

  private final Map<String, Map<String, List<CaseResult>>> rows = new LinkedHashMap<>();
  private final Map<String, List<CaseResult>> areas = new LinkedHashMap<>();
  private final List<String> columns;

  Matrix(List<CaseResult> results) {
    group("Elementwise", names(CoreOp.UnaryKind.values()), names(CoreOp.BinaryKind.values()));
    group("", names(CoreOp.CompareKind.values()), Stream.of("select", "cast", "bitcast"));
    group("Movement", Stream.of("iota", "fill", "view", "permute", "expand", "slice", "concat"));
    group("", Stream.of("update", "gather", "scatter_set", "scatter_add", "scatter_max"));
    group("Folds", prefixed("reduce_", CoreOp.ReduceKind.values()));
    group("", prefixed("scan_", CoreOp.ScanKind.values()));
    group("", Stream.of("argmax", "topk", "matmul", "loop"));
    group("Composites", Stream.of(CompositeOp.class.getPermittedSubclasses()).map(Op::mnemonicOf));
    Set<String> ops = new LinkedHashSet<>();
    groups.values().forEach(ops::addAll);
    Set<String> dtypes = new LinkedHashSet<>();
    for (CaseResult r : results) {
      String op = r.testCase().id().op();
      String dtype = dtype(r);
      if (ops.contains(op) && !dtype.equals("-")) {
        dtypes.add(dtype);
        rows.computeIfAbsent(op, k -> new LinkedHashMap<>())
            .computeIfAbsent(dtype, k -> new ArrayList<>())
            .add(r);
      } else {
        areas.computeIfAbsent(op, k -> new ArrayList<>()).add(r);
      }
    }
    columns = Stream.concat(known(), dtypes.stream()).filter(dtypes::contains).distinct().toList();
  }

  private static Stream<String> known() {
    return Stream.concat(
        Stream.of(DType.values()).map(DType::text),
        Stream.of(QuantFormat.values()).map(QuantFormat::text));
  }

  private static String dtype(CaseResult r) {
    Matcher weight = WEIGHT.matcher(r.testCase().id().attrs());
    return weight.find() ? weight.group(1) : r.testCase().id().dtype();
  }

  private static Stream<String> names(Enum<?>[] kinds) {
    return prefixed("", kinds);
  }

  private static Stream<String> prefixed(String prefix, Enum<?>[] kinds) {
    return Stream.of(kinds).map(k -> prefix + k.name().toLowerCase(Locale.ROOT));
  }

  /** Adds ops to a group; one without a name goes on with the last. */
  @SafeVarargs
  private void group(String name, Stream<String>... ops) {
    String to = name.isEmpty() ? List.copyOf(groups.keySet()).getLast() : name;
    for (Stream<String> some : ops) {
      some.forEach(groups.computeIfAbsent(to, k -> new ArrayList<>())::add);
    }
  }

  /** The table of kinds. */
  String kinds() {
    return table(Matrix::kind);
  }

  /** The table of worst errors. */
  String ratios() {
    return table(Matrix::ratio);
  }

  /** Fills a cell. */
  @FunctionalInterface
  private interface Fill {
    String of(String op, String dtype, Cell cell);
  }

  private String table(Fill fill) {
    StringBuilder out = new StringBuilder("<tr><th></th>");
    columns.forEach(c -> out.append("<th class=\"col\"><span>").append(c).append("</span></th>"));
    out.append("</tr>\n");
    groups.forEach((group, ops) -> {
      List<String> present = ops.stream().filter(rows::containsKey).toList();
      if (!present.isEmpty()) {
        out.append("<tr class=\"group\"><th colspan=\"")
            .append(columns.size() + 1)
            .append("\">")
            .append(group)
            .append("</th></tr>\n");
      }
      for (String op : present) {
        Map<String, List<CaseResult>> row = rows.getOrDefault(op, Map.of());
        out.append("<tr><th>").append(op).append("</th>");
        for (String dtype : columns) {
          List<CaseResult> results = row.get(dtype);
          out.append(results == null ? "<td></td>" : fill.of(op, dtype, new Cell(results)));
        }
        out.append("</tr>\n");
      }
    });
    return out.toString();
  }

  private static String kind(String op, String dtype, Cell cell) {
    Cell.Kind kind = cell.kind();
    String title =
        "%s %s: %s; %s%s"
            .formatted(
                op,
                dtype,
                kind.text,
                counts(cell.results()),
                cell.kernels().isEmpty() ? "" : "; " + cell.kernels());
    return "<td class=\"k %s\" title=\"%s\">%s</td>"
        .formatted(kind.css(), Html.escape(title), kind.sign);
  }

  private static String ratio(String op, String dtype, Cell cell) {
    if (!cell.ran()) {
      return "<td class=\"k not_run\">·</td>";
    }
    double ratio = cell.worstRatio();
    String title =
        "%s %s: worst error %s of what is allowed".formatted(op, dtype, Html.number(ratio));
    return "<td class=\"k h%d\" title=\"%s\">%s</td>"
        .formatted(heat(ratio), title, Html.part(ratio));
  }

  /** Class of heat: 0 exact, 1 to 5 within the limit, 6 beyond it. */
  static int heat(double ratio) {
    double[] limits = {0, 0.03, 0.1, 0.3, 0.7, 1};
    int heat = 0;
    while (heat < limits.length && ratio > limits[heat]) {
      heat++;
    }
    return heat;
  }

  private static String counts(List<CaseResult> results) {
    StringBuilder out = new StringBuilder();
    for (Verdict v : Verdict.values()) {
      long n = results.stream().filter(r -> r.verdict() == v).count();
      if (n > 0) {
        out.append(out.isEmpty() ? "" : ", ").append(n).append(' ').append(v.text());
      }
    }
    return out.toString().replace('_', ' ');
  }

  /** What is no op of a dtype: lifecycles, layouts, laws, whole models. */
  String areas() {
    StringBuilder out = new StringBuilder();
    areas.forEach((area, results) -> {
      Cell cell = new Cell(results);
      Cell.Kind kind = cell.kind();
      String css =
          switch (kind) {
            case NATIVE, PARTLY, DECOMPOSED -> "native";
            case FAILED, LOST, XFAIL, UNSUPPORTED, NOT_RUN -> kind.css();
          };
      out.append(
          "<li class=\"%s\" title=\"%s\">%s <b>%d</b>/%d</li>\n"
              .formatted(
                  css,
                  Html.escape(counts(results)),
                  Html.escape(area),
                  cell.count(Verdict.PASSED),
                  results.size()));
    });
    return out.toString();
  }
}
