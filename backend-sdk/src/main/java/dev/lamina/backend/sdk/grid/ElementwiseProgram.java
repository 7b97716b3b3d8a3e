package dev.lamina.backend.sdk.grid;

import dev.lamina.backend.sdk.Expr;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Scalar;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/**
 * A fused expression as a program of the register machine in {@code elementwise.cu}: four words an
 * instruction, the result in register 0.
 */
final class ElementwiseProgram {
  /** Registers of the machine. */
  static final int REGISTERS = 48;

  private static final int INPUT = 0;
  private static final int CONSTANT = 1;
  private static final int SELECT = 2;
  private static final int CAST = 3;
  private static final int UNARY = 16;
  private static final int BINARY = 32;
  private static final int COMPARE = 48;

  private final List<Expr> order = new ArrayList<>();
  private final Map<Expr, Expr> sameAs = new IdentityHashMap<>();
  private final Map<Integer, Expr> inputs = new HashMap<>();
  private final Map<Expr, Integer> lastUse = new IdentityHashMap<>();
  private final Map<Expr, Integer> register = new IdentityHashMap<>();
  private final ArrayDeque<Integer> free = new ArrayDeque<>();
  private final int[] words;

  private ElementwiseProgram(Expr expr) {
    visit(expr);
    for (int i = 0; i < order.size(); i++) {
      for (Expr operand : operands(order.get(i))) {
        lastUse.put(one(operand), i);
      }
    }
    for (int r = 1; r < REGISTERS; r++) {
      free.add(r);
    }
    words = new int[4 * order.size()];
    for (int i = 0; i < order.size(); i++) {
      emit(i, order.get(i));
    }
  }

  /**
   * Translates an expression.
   *
   * @param expr at most as large as fusion makes them
   * @return the program's words
   */
  static int[] of(Expr expr) {
    return new ElementwiseProgram(expr).words;
  }

  private static List<Expr> operands(Expr e) {
    return switch (e) {
      case Expr.Input i -> List.of();
      case Expr.Constant c -> List.of();
      case Expr.Unary u -> List.of(u.x());
      case Expr.Binary b -> List.of(b.a(), b.b());
      case Expr.Compare c -> List.of(c.a(), c.b());
      case Expr.Select s -> List.of(s.p(), s.a(), s.b());
      case Expr.Cast c -> List.of(c.x());
    };
  }

  /** The one occurrence that is computed. */
  private Expr one(Expr e) {
    Expr first = sameAs.get(e);
    if (first == null) {
      throw new AssertionError(e);
    }
    return first;
  }

  private void visit(Expr e) {
    if (sameAs.containsKey(e)) {
      return;
    }
    if (e instanceof Expr.Input in) {
      Expr known = inputs.putIfAbsent(in.index(), e);
      if (known != null) {
        sameAs.put(e, known);
        return;
      }
    }
    operands(e).forEach(this::visit);
    sameAs.put(e, e);
    order.add(e);
  }

  private int registerOf(Expr e) {
    Integer r = register.get(one(e));
    if (r == null) {
      throw new AssertionError(e);
    }
    return r;
  }

  private void emit(int i, Expr e) {
    List<Expr> operands = operands(e);
    int[] r = new int[3];
    for (int k = 0; k < operands.size(); k++) {
      r[k] = registerOf(operands.get(k));
    }
    for (Expr operand : operands) {
      Expr used = one(operand);
      Integer last = lastUse.get(used);
      Integer at = register.get(used);
      if (last != null && last == i && at != null && !free.contains(at)) {
        free.push(at);
      }
    }
    // The machine reads all operands of a lane before it writes the lane's result.
    int result = i == order.size() - 1 ? 0 : free.pop();
    register.put(e, result);
    int a = e instanceof Expr.Input in ? in.index() : r[0];
    int from = operands.isEmpty() ? 0 : one(operands.getFirst()).dtype().ordinal();
    int saturate = e instanceof Expr.Cast c && c.sat() ? 1 : 0;
    long bits = e instanceof Expr.Constant c ? bits(c.value()) : 0;
    words[4 * i] = opcode(e) | e.dtype().ordinal() << 8 | result << 16 | a << 24;
    words[4 * i + 1] = r[1] | r[2] << 8 | from << 16 | saturate << 24;
    words[4 * i + 2] = (int) bits;
    words[4 * i + 3] = (int) (bits >>> 32);
  }

  private static int opcode(Expr e) {
    return switch (e) {
      case Expr.Input i -> INPUT;
      case Expr.Constant c -> CONSTANT;
      case Expr.Select s -> SELECT;
      case Expr.Cast c -> CAST;
      case Expr.Unary u -> UNARY + u.kind().ordinal();
      case Expr.Binary b -> BINARY + b.kind().ordinal();
      case Expr.Compare c -> COMPARE + c.kind().ordinal();
    };
  }

  /** A constant as a register holds it: a float as the bits of its F32. */
  private static long bits(Scalar value) {
    DType d = value.dtype();
    if (!d.isFloat()) {
      return value.bits();
    }
    var memory = java.lang.foreign.MemorySegment.ofArray(new long[] {value.bits()});
    float x = dev.lamina.backend.sdk.Elements.getFloat(d, memory, 0);
    return Float.floatToRawIntBits(x) & 0xFFFFFFFFL;
  }
}
