package dev.lamina.spi.ir;

import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Recursive-descent reader of graph text. */
final class GraphParser {
  private static final Map<String, Class<?>> OPS = new TreeMap<>();

  static {
    for (Class<?> family : List.of(CoreOp.class, CompositeOp.class)) {
      for (Class<?> op : family.getPermittedSubclasses()) {
        OPS.put(Op.mnemonicOf(op), op);
      }
    }
  }

  private final GraphLexer in;
  private final Map<String, Dim.Sym> syms = new HashMap<>();

  GraphParser(String text) {
    this.in = new GraphLexer(text);
  }

  Graph parse() {
    Graph g = graph();
    in.expectEnd();
    return g;
  }

  private Graph graph() {
    in.expect("graph");
    GraphBuilder builder = new GraphBuilder(in.string());
    Map<Long, Value> values = new HashMap<>();
    in.expect("{");
    try {
      while (!in.accept("}")) {
        statement(builder, values);
      }
      return builder.build();
    } catch (GraphException e) {
      throw in.located(e);
    }
  }

  private void statement(GraphBuilder builder, Map<Long, Value> values) {
    switch (in.peek()) {
      case "dim" -> dimension();
      case "tensor", "weight", "state" -> input(builder, values);
      case "return" -> {
        in.next();
        String name = in.string();
        in.expect("=");
        Value v = value(values);
        builder.output(name, v, in.accept("shares") ? (int) in.integer() : -1);
      }
      default -> node(builder, values);
    }
  }

  private void dimension() {
    in.next();
    String name = in.next();
    in.expect("=");
    long min = in.integer();
    in.expect("..");
    long max = in.integer();
    in.expect("by");
    syms.put(name, new Dim.Sym(name, min, max, in.integer()));
  }

  private void input(GraphBuilder builder, Map<Long, Value> values) {
    String role = in.next();
    long id = id();
    String name = in.string();
    in.expect(":");
    Value v =
        switch (role) {
          case "tensor" -> builder.tensor(name, tensorType());
          case "weight" -> builder.weight(name, tensorType());
          default -> builder.state(stateSpec(name));
        };
    define(values, id, v);
  }

  private void define(Map<Long, Value> values, long id, Value v) {
    if (values.putIfAbsent(id, v) != null) {
      throw in.error("a value defined once, %" + id + " is defined again");
    }
  }

  private TensorType tensorType() {
    String head = in.next();
    QuantFormat format = null;
    for (QuantFormat f : QuantFormat.values()) {
      format = f.text().equals(head) ? f : format;
    }
    Shape shape = new Shape(dims());
    if (format != null) {
      return TensorType.blocked(format, shape);
    }
    DType dtype = DType.parse(head);
    if (in.accept("@")) {
      return in.peek().equals("[")
          ? new TensorType(dtype, shape, new Layout.Strided(list(this::longValue)))
          : new TensorType(dtype, shape, new Layout.Opaque(in.next()));
    }
    return TensorType.of(dtype, shape);
  }

  private StateSpec stateSpec(String name) {
    in.expect("pages");
    in.expect("of");
    int page = (int) in.integer();
    in.expect("slots");
    Dim slots = dim();
    List<StateSpec.Entry> entries = new ArrayList<>();
    in.expect("(");
    do {
      String entry = in.next();
      int layer = (int) in.integer();
      DType dtype = DType.parse(in.next());
      List<Integer> shape = list(() -> (int) in.integer());
      entries.add(new StateSpec.Entry(entry, layer, dtype, shape));
    } while (in.accept(","));
    in.expect(")");
    return new StateSpec(name, page, slots, entries);
  }

  private void node(GraphBuilder builder, Map<Long, Value> values) {
    List<Long> results = new ArrayList<>();
    if (!in.peek().equals("=")) {
      do {
        results.add(id());
      } while (in.accept(","));
    }
    in.expect("=");
    String mnemonic = in.next();
    Class<?> type = OPS.get(mnemonic);
    if (type == null) {
      throw in.error("an op, got '" + mnemonic + "'; known are " + OPS.keySet());
    }
    List<Value> operands = new ArrayList<>();
    in.expect("(");
    if (!in.accept(")")) {
      do {
        operands.add(value(values));
      } while (in.accept(","));
      in.expect(")");
    }
    Op op = op(type);
    List<Value> defined = builder.addAll(op, operands);
    if (defined.size() != results.size()) {
      throw in.error(mnemonic + " to define " + defined.size() + " values, got " + results.size());
    }
    in.expect(":");
    for (int i = 0; i < results.size(); i++) {
      if (i > 0) {
        in.expect(",");
      }
      in.expectText(defined.get(i).type().toString());
      define(values, results.get(i), defined.get(i));
    }
  }

  private Op op(Class<?> type) {
    RecordComponent[] components = type.getRecordComponents();
    @Nullable Object[] args = new Object[components.length];
    Class<?>[] types = new Class<?>[components.length];
    for (int i = 0; i < components.length; i++) {
      in.expect(i == 0 ? "{" : ",");
      in.expect(components[i].getName());
      in.expect("=");
      args[i] = attribute(components[i].getGenericType());
      types[i] = components[i].getType();
    }
    if (components.length > 0) {
      in.expect("}");
    }
    try {
      Constructor<?> constructor = type.getDeclaredConstructor(types);
      return (Op) constructor.newInstance(args);
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof GraphException g) {
        throw g;
      }
      throw new AssertionError(type.getName(), e);
    } catch (ReflectiveOperationException e) {
      throw new AssertionError(type.getName(), e);
    }
  }

  private @Nullable Object attribute(Type type) {
    if (type instanceof ParameterizedType list) {
      Type element = list.getActualTypeArguments()[0];
      return list(() -> attributeValue(element));
    }
    if (type == Dim.class && in.accept("_")) {
      return null;
    }
    return attributeValue(type);
  }

  private Object attributeValue(Type type) {
    if (type == int.class || type == Integer.class) {
      return (int) in.integer();
    }
    if (type == long.class || type == Long.class) {
      return in.integer();
    }
    if (type == double.class) {
      return in.number();
    }
    if (type == boolean.class) {
      return in.bool();
    }
    if (type == String.class) {
      return in.string();
    }
    if (type == DType.class) {
      return DType.parse(in.next());
    }
    if (type == Dim.class) {
      return dim();
    }
    if (type == Shape.class) {
      return new Shape(dims());
    }
    if (type == Scalar.class) {
      DType dtype = DType.parse(in.next());
      in.expect(":");
      return new Scalar(dtype, in.hex());
    }
    if (type == Graph.class) {
      return graph();
    }
    if (type instanceof Class<?> c && c.isEnum()) {
      return enumConstant(c);
    }
    throw new AssertionError("attribute of type " + type);
  }

  private Object enumConstant(Class<?> type) {
    String name = in.next();
    for (Object constant : type.getEnumConstants()) {
      if (constant.toString().equals(name)) {
        return constant;
      }
    }
    throw in.error("a " + type.getSimpleName() + ", got '" + name + "'");
  }

  private long id() {
    in.expect("%");
    return in.integer();
  }

  private Value value(Map<Long, Value> values) {
    long id = id();
    Value v = values.get(id);
    if (v == null) {
      throw in.error("a value defined above, got %" + id);
    }
    return v;
  }

  private List<Dim> dims() {
    return list(this::dim);
  }

  private Dim dim() {
    if (in.isInteger()) {
      return Dim.of(in.integer());
    }
    String name = in.next();
    Dim.Sym s = syms.get(name);
    if (s == null) {
      throw in.error("a dim declared above, got '" + name + "'");
    }
    return s;
  }

  private Long longValue() {
    return in.integer();
  }

  private <T> List<T> list(java.util.function.Supplier<T> element) {
    List<T> out = new ArrayList<>();
    in.expect("[");
    if (in.accept("]")) {
      return out;
    }
    do {
      out.add(element.get());
    } while (in.accept(","));
    in.expect("]");
    return out;
  }
}
