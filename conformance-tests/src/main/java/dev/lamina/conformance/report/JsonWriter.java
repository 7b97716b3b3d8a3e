package dev.lamina.conformance.report;

import java.util.Collection;
import java.util.Iterator;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** JSON text of maps, collections, strings, numbers, booleans and null. */
final class JsonWriter {
  private final StringBuilder out = new StringBuilder();

  private JsonWriter() {}

  static String write(Object value) {
    JsonWriter w = new JsonWriter();
    w.value(value, "");
    return w.out.append('\n').toString();
  }

  private void value(@Nullable Object value, String indent) {
    switch (value) {
      case Map<?, ?> map -> map(map, indent);
      case Collection<?> list -> list(list, indent);
      case Number n when Double.isFinite(n.doubleValue()) -> out.append(n);
      // JSON has no NaN and no infinity.
      case Number n -> out.append("null");
      case Boolean b -> out.append(b);
      case null -> out.append("null");
      default -> string(value.toString());
    }
  }

  private void map(Map<?, ?> map, String indent) {
    String in = indent + "  ";
    out.append('{');
    String separator = "\n";
    for (Map.Entry<?, ?> e : map.entrySet()) {
      out.append(separator).append(in);
      string(String.valueOf(e.getKey()));
      out.append(": ");
      value(e.getValue(), in);
      separator = ",\n";
    }
    out.append(map.isEmpty() ? "}" : "\n" + indent + "}");
  }

  private void list(Collection<?> list, String indent) {
    String in = indent + "  ";
    boolean nested = list.stream().anyMatch(v -> v instanceof Map || v instanceof Collection);
    out.append('[');
    for (Iterator<?> it = list.iterator(); it.hasNext(); ) {
      out.append(nested ? "\n" + in : "");
      value(it.next(), in);
      out.append(it.hasNext() ? (nested ? "," : ", ") : nested ? "\n" + indent : "");
    }
    out.append(']');
  }

  private void string(String s) {
    out.append('"');
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        default -> out.append(c < ' ' ? "\\u%04x".formatted((int) c) : String.valueOf(c));
      }
    }
    out.append('"');
  }
}
