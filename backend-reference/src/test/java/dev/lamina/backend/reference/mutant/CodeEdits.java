package dev.lamina.backend.reference.mutant;

import java.lang.classfile.CodeBuilder;
import java.lang.classfile.CodeElement;
import java.lang.classfile.Opcode;
import java.lang.classfile.TypeKind;
import java.lang.classfile.instruction.BranchInstruction;
import java.lang.classfile.instruction.ConstantInstruction;
import java.lang.classfile.instruction.FieldInstruction;
import java.lang.classfile.instruction.InvokeInstruction;
import java.lang.classfile.instruction.OperatorInstruction;
import java.lang.constant.ClassDesc;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;

/** What a slip of the hand may do to an instruction: another comparison, constant, sign, call. */
final class CodeEdits {
  /** How the name of an edit ends that lets a product or a sum overflow an int. */
  static final String IN_INT = " in an int";

  private static final String LAMINA = "dev/lamina/";

  /** Without these a lock stays held, which shows as a hang and tells nothing. */
  private static final Set<String> KEPT = Set.of("lock", "unlock", "<init>");

  private static final Map<String, String> CALLS =
      Map.ofEntries(
          Map.entry("add", "sub"),
          Map.entry("sub", "add"),
          Map.entry("mul", "div"),
          Map.entry("div", "mul"),
          Map.entry("less", "atMost"),
          Map.entry("atMost", "less"),
          Map.entry("and", "or"),
          Map.entry("or", "and"),
          Map.entry("plus", "times"),
          Map.entry("times", "plus"),
          Map.entry("max", "min"),
          Map.entry("min", "max"));

  private static final Map<Opcode, List<Opcode>> OPCODES = opcodes();

  private CodeEdits() {}

  /**
   * One way to change an instruction.
   *
   * @param change in a few words
   * @param write writes what takes its place
   */
  record Edit(String change, Consumer<CodeBuilder> write) {}

  /** The ways to change an element of a method; none for most. */
  static List<Edit> of(CodeElement element) {
    return switch (element) {
      case BranchInstruction b ->
          replaced(b.opcode()).stream()
              .map(o -> new Edit(text(b.opcode(), o), to -> to.branch(o, b.target())))
              .toList();
      case OperatorInstruction i -> operators(i);
      case ConstantInstruction c -> constant(c);
      case FieldInstruction f when f.opcode() == Opcode.GETSTATIC -> enumConstant(f);
      case InvokeInstruction i -> calls(i);
      default -> List.of();
    };
  }

  private static List<Edit> operators(OperatorInstruction i) {
    List<Edit> edits = new ArrayList<>();
    for (Opcode o : replaced(i.opcode())) {
      edits.add(new Edit(text(i.opcode(), o), to -> to.with(OperatorInstruction.of(o))));
    }
    if (i.opcode() == Opcode.LMUL || i.opcode() == Opcode.LADD) {
      edits.add(new Edit(i.opcode() + IN_INT, to -> to.with(i).l2i().i2l()));
    }
    return edits;
  }

  private static List<Opcode> replaced(Opcode opcode) {
    return OPCODES.getOrDefault(opcode, List.of());
  }

  private static String text(Object from, Object to) {
    return from + " -> " + to;
  }

  private static Map<Opcode, List<Opcode>> opcodes() {
    Map<Opcode, List<Opcode>> m = new EnumMap<>(Opcode.class);
    m.put(Opcode.IFEQ, List.of(Opcode.IFNE));
    m.put(Opcode.IFNE, List.of(Opcode.IFEQ));
    m.put(Opcode.IFNULL, List.of(Opcode.IFNONNULL));
    m.put(Opcode.IFNONNULL, List.of(Opcode.IFNULL));
    m.put(Opcode.IFLT, List.of(Opcode.IFGE, Opcode.IFLE));
    m.put(Opcode.IFLE, List.of(Opcode.IFGT, Opcode.IFLT));
    m.put(Opcode.IFGT, List.of(Opcode.IFLE, Opcode.IFGE));
    m.put(Opcode.IFGE, List.of(Opcode.IFLT, Opcode.IFGT));
    m.put(Opcode.IF_ICMPEQ, List.of(Opcode.IF_ICMPNE));
    m.put(Opcode.IF_ICMPNE, List.of(Opcode.IF_ICMPEQ));
    m.put(Opcode.IF_ICMPLT, List.of(Opcode.IF_ICMPGE, Opcode.IF_ICMPLE));
    m.put(Opcode.IF_ICMPLE, List.of(Opcode.IF_ICMPGT, Opcode.IF_ICMPLT));
    m.put(Opcode.IF_ICMPGT, List.of(Opcode.IF_ICMPLE, Opcode.IF_ICMPGE));
    m.put(Opcode.IF_ICMPGE, List.of(Opcode.IF_ICMPLT, Opcode.IF_ICMPGT));
    m.put(Opcode.IADD, List.of(Opcode.ISUB));
    m.put(Opcode.ISUB, List.of(Opcode.IADD));
    m.put(Opcode.IMUL, List.of(Opcode.IADD));
    m.put(Opcode.IDIV, List.of(Opcode.IMUL));
    m.put(Opcode.IREM, List.of(Opcode.IDIV));
    m.put(Opcode.LADD, List.of(Opcode.LSUB));
    m.put(Opcode.LSUB, List.of(Opcode.LADD));
    m.put(Opcode.LMUL, List.of(Opcode.LADD));
    m.put(Opcode.LDIV, List.of(Opcode.LMUL));
    m.put(Opcode.LREM, List.of(Opcode.LDIV));
    m.put(Opcode.FADD, List.of(Opcode.FSUB));
    m.put(Opcode.FSUB, List.of(Opcode.FADD));
    m.put(Opcode.FMUL, List.of(Opcode.FDIV));
    m.put(Opcode.FDIV, List.of(Opcode.FMUL));
    m.put(Opcode.DADD, List.of(Opcode.DSUB));
    m.put(Opcode.DSUB, List.of(Opcode.DADD));
    m.put(Opcode.DMUL, List.of(Opcode.DDIV));
    m.put(Opcode.DDIV, List.of(Opcode.DMUL));
    m.put(Opcode.ISHL, List.of(Opcode.ISHR));
    m.put(Opcode.LSHL, List.of(Opcode.LSHR));
    m.put(Opcode.ISHR, List.of(Opcode.IUSHR));
    m.put(Opcode.IUSHR, List.of(Opcode.ISHR));
    m.put(Opcode.LSHR, List.of(Opcode.LUSHR));
    m.put(Opcode.LUSHR, List.of(Opcode.LSHR));
    m.put(Opcode.IAND, List.of(Opcode.IOR));
    m.put(Opcode.IOR, List.of(Opcode.IAND));
    m.put(Opcode.LAND, List.of(Opcode.LOR));
    m.put(Opcode.LOR, List.of(Opcode.LAND));
    return m;
  }

  private static List<Edit> constant(ConstantInstruction c) {
    return switch (c.constantValue()) {
      case Integer v -> {
        int wrong = v == 1 ? 0 : v + 1;
        yield List.of(new Edit(text(v, wrong), to -> to.loadConstant(wrong)));
      }
      case Long v -> {
        long wrong = v == 1 ? 0 : v + 1;
        yield List.of(new Edit(text(v + "L", wrong + "L"), to -> to.loadConstant(wrong)));
      }
      case Double v -> {
        double wrong = v == 0 ? 1 : Double.isInfinite(v) ? v > 0 ? 1e30 : -1e30 : v * 1.01;
        yield List.of(new Edit(text(v, wrong), to -> to.loadConstant(wrong)));
      }
      case Float v -> {
        float wrong = v == 0 ? 1 : Float.isInfinite(v) ? v > 0 ? 1e30f : -1e30f : v * 1.01f;
        yield List.of(new Edit(text(v + "f", wrong + "f"), to -> to.loadConstant(wrong)));
      }
      default -> List.of();
    };
  }

  /** The constant after it in the same enum. */
  private static List<Edit> enumConstant(FieldInstruction f) {
    if (!f.type().equalsString("L" + f.owner().asInternalName() + ";")
        || !f.owner().asInternalName().startsWith(LAMINA)) {
      return List.of();
    }
    Object[] all;
    try {
      all = Class.forName(f.owner().asInternalName().replace('/', '.')).getEnumConstants();
    } catch (ClassNotFoundException e) {
      throw new AssertionError("enum of " + f, e);
    }
    List<Edit> edits = new ArrayList<>();
    for (int i = 0; all != null && i < all.length; i++) {
      if (((Enum<?>) all[i]).name().equals(f.name().stringValue()) && all.length > 1) {
        String next = ((Enum<?>) all[(i + 1) % all.length]).name();
        ClassDesc owner = f.typeSymbol();
        edits.add(new Edit(text(f.name(), next), to -> to.getstatic(owner, next, owner)));
      }
    }
    return edits;
  }

  private static List<Edit> calls(InvokeInstruction i) {
    String name = i.name().stringValue();
    String owner = i.owner().asInternalName();
    List<Edit> edits = new ArrayList<>();
    String other = CALLS.get(name);
    boolean known =
        owner.equals("java/lang/Math")
            || owner.startsWith("jdk/incubator/vector/")
            || owner.endsWith("/Ops")
            || owner.endsWith("/Elementwise") && !name.equals("max");
    if (other != null && known) {
      edits.add(
          new Edit(
              text(name, other),
              to ->
                  to.invoke(
                      i.opcode(), i.owner().asSymbol(), other, i.typeSymbol(), i.isInterface())));
    }
    if (i.typeSymbol().returnType().descriptorString().equals("V") && !KEPT.contains(name)) {
      edits.add(new Edit("without " + name, to -> drop(to, i)));
    }
    return edits;
  }

  private static void drop(CodeBuilder to, InvokeInstruction i) {
    for (ClassDesc type : i.typeSymbol().parameterList().reversed()) {
      if (TypeKind.from(type).slotSize() == 2) {
        to.pop2();
      } else {
        to.pop();
      }
    }
    if (i.opcode() != Opcode.INVOKESTATIC) {
      to.pop();
    }
  }
}
