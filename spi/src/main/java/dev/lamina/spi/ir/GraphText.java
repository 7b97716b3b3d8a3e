package dev.lamina.spi.ir;

import java.lang.reflect.RecordComponent;
import java.util.List;
import java.util.StringJoiner;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Text form of a graph: {@code parse(print(g))} equals {@code g}.
 *
 * <pre>{@code
 * graph "mlp" {
 *   dim T = 1..2048 by 1
 *   tensor %0 "x" : f32[T,512]
 *   weight %1 "up" : bf16[1536,512]
 *   %2 = linear(%0, %1) {out=f32, biased=false} : f32[T,1536]
 *   return "y" = %2
 * }
 * }</pre>
 */
public final class GraphText {
  private GraphText() {}

  /**
   * Prints a graph.
   *
   * @param graph any graph
   * @return its text, ending in a newline
   */
  public static String print(Graph graph) {
    StringBuilder out = new StringBuilder();
    print(graph, out, "", true);
    return out.append('\n').toString();
  }

  /**
   * Reads a graph; its shapes and dtypes are inferred again and must agree with the text.
   *
   * @param text as {@link #print(Graph)} writes it
   * @return the graph
   * @throws GraphException naming the line and what was expected
   */
  public static Graph parse(String text) {
    return new GraphParser(text).parse();
  }

  private static void print(Graph g, StringBuilder out, String indent, boolean dims) {
    String in = indent + "  ";
    out.append("graph ").append(quote(g.name())).append(" {\n");
    if (dims) {
      for (Dim.Sym s : g.dims().syms()) {
        out.append(in)
            .append(
                "dim %s = %d..%d by %d%n".formatted(s.name(), s.min(), s.max(), s.multipleOf()));
      }
    }
    int inputs = 0;
    for (Node node : g.nodes()) {
      int first = node.results().isEmpty() ? 0 : node.results().getFirst().id();
      while (inputs < g.inputs().size() && g.inputs().get(inputs).value().id() < first) {
        input(g.inputs().get(inputs++), out, in);
      }
      node(node, out, in);
    }
    while (inputs < g.inputs().size()) {
      input(g.inputs().get(inputs++), out, in);
    }
    for (Graph.Output o : g.outputs()) {
      out.append(in)
          .append("return ")
          .append(quote(o.name()))
          .append(" = %")
          .append(o.value().id());
      if (o.sharesInput() >= 0) {
        out.append(" shares ").append(o.sharesInput());
      }
      out.append('\n');
    }
    out.append(indent).append('}');
  }

  private static void input(Graph.Input input, StringBuilder out, String in) {
    out.append(in).append(input.role().name().toLowerCase(java.util.Locale.ROOT));
    out.append(" %").append(input.value().id()).append(' ').append(quote(input.name()));
    out.append(" : ").append(inputType(input.value().type())).append('\n');
  }

  private static void node(Node node, StringBuilder out, String in) {
    out.append(in).append(ids(node.results())).append(" = ").append(node.op().mnemonic());
    out.append('(').append(ids(node.operands())).append(')');
    attributes(node.op(), out, in);
    out.append(" : ");
    out.append(
        node.results().stream().map(v -> v.type().toString()).collect(Collectors.joining(", ")));
    out.append('\n');
  }

  private static String ids(List<Value> values) {
    return values.stream().map(v -> "%" + v.id()).collect(Collectors.joining(", "));
  }

  private static String inputType(ValueType type) {
    return switch (type) {
      case TensorType t -> t.toString();
      case StateType s -> {
        StateSpec spec = s.spec();
        StringJoiner entries = new StringJoiner(", ", "(", ")");
        for (StateSpec.Entry e : spec.entries()) {
          entries.add(
              e.name()
                  + " "
                  + e.layer()
                  + " "
                  + e.dtype().text()
                  + e.shape().toString().replace(" ", ""));
        }
        yield "pages of " + spec.slotsPerPage() + " slots " + spec.numSlots() + " " + entries;
      }
    };
  }

  private static void attributes(Op op, StringBuilder out, String indent) {
    RecordComponent[] components = op.getClass().getRecordComponents();
    if (components.length == 0) {
      return;
    }
    out.append(" {");
    String separator = "";
    for (RecordComponent c : components) {
      out.append(separator).append(c.getName()).append('=');
      Object value = read(op, c);
      if (value instanceof Graph body) {
        print(body, out, indent, false);
      } else {
        out.append(attribute(value));
      }
      separator = ", ";
    }
    out.append('}');
  }

  private static @Nullable Object read(Op op, RecordComponent c) {
    try {
      return c.getAccessor().invoke(op);
    } catch (ReflectiveOperationException e) {
      throw new AssertionError(op + "." + c.getName(), e);
    }
  }

  private static String attribute(@Nullable Object value) {
    return switch (value) {
      case null -> "_";
      case DType d -> d.text();
      case String s -> quote(s);
      case List<?> list ->
          list.stream().map(GraphText::attribute).collect(Collectors.joining(",", "[", "]"));
      default -> value.toString();
    };
  }

  private static String quote(String s) {
    return '"' + s.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
  }
}
