import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.classfile.ClassBuilder;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassFile.ClassHierarchyResolverOption;
import java.lang.classfile.ClassFile.StackMapsOption;
import java.lang.classfile.ClassFileVersion;
import java.lang.classfile.ClassHierarchyResolver;
import java.lang.classfile.ClassModel;
import java.lang.classfile.ClassTransform;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.CodeElement;
import java.lang.classfile.Label;
import java.lang.classfile.TypeKind;
import java.lang.classfile.instruction.InvokeDynamicInstruction;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.DirectMethodHandleDesc;
import java.lang.constant.MethodTypeDesc;
import java.lang.reflect.AccessFlag;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Enumeration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.jar.JarOutputStream;

/**
 * Rewrites what a start pays for in the classes of jars, with the same meaning.
 *
 * <ul>
 *   <li>Classes compiled for Java 5 or older take the format of Java 8: the JVM keeps the old format,
 *       which has no stack maps, out of its AOT cache.
 *   <li>Records' equals and hashCode, and switches over types, call plain methods: the JVM's AOT cache
 *       keeps no call site of ObjectMethods and SwitchBootstraps, so each start would link every one
 *       anew, some 2 ms apiece.
 * </ul>
 */
final class QuickenClasses {
  private static final int PRIVATE_STATIC_SYNTHETIC =
      ClassFile.ACC_PRIVATE | ClassFile.ACC_STATIC | ClassFile.ACC_SYNTHETIC;
  private static final ClassDesc OBJECTS = ClassDesc.of("java.util.Objects");

  private final Map<String, byte[]> classes = new HashMap<>();
  private final ClassFile format =
      ClassFile.of(
          StackMapsOption.GENERATE_STACK_MAPS,
          ClassHierarchyResolverOption.of(
              ClassHierarchyResolver.ofResourceParsing(this::find)
                  .orElse(ClassHierarchyResolver.defaultResolver())));

  private QuickenClasses() {}

  public static void main(String[] jars) throws IOException {
    QuickenClasses quicken = new QuickenClasses();
    for (String jar : jars) {
      quicken.know(Path.of(jar));
    }
    for (String jar : jars) {
      quicken.rewrite(Path.of(jar));
    }
  }

  /** Keeps the classes of a jar, whose hierarchy the stack maps of others need. */
  private void know(Path jar) throws IOException {
    try (JarFile in = new JarFile(jar.toFile())) {
      for (JarEntry entry : in.stream().filter(e -> e.getName().endsWith(".class")).toList()) {
        classes.put(entry.getName(), read(in, entry));
      }
    }
  }

  private void rewrite(Path jar) throws IOException {
    Path rewritten = jar.resolveSibling(jar.getFileName() + ".quick");
    try (JarFile in = new JarFile(jar.toFile());
        OutputStream file = Files.newOutputStream(rewritten);
        JarOutputStream out = new JarOutputStream(file)) {
      Enumeration<JarEntry> entries = in.entries();
      while (entries.hasMoreElements()) {
        JarEntry entry = entries.nextElement();
        JarEntry copied = new JarEntry(entry.getName());
        copied.setTime(entry.getTime());
        out.putNextEntry(copied);
        byte[] content = read(in, entry);
        out.write(entry.getName().endsWith(".class") ? quicken(content) : content);
        out.closeEntry();
      }
    }
    Files.move(rewritten, jar, StandardCopyOption.ATOMIC_MOVE);
  }

  private static byte[] read(JarFile in, JarEntry entry) throws IOException {
    try (InputStream bytes = in.getInputStream(entry)) {
      return bytes.readAllBytes();
    }
  }

  private InputStream find(ClassDesc type) {
    String descriptor = type.descriptorString();
    byte[] content = classes.get(descriptor.substring(1, descriptor.length() - 1) + ".class");
    return content == null ? null : new ByteArrayInputStream(content);
  }

  private byte[] quicken(byte[] content) {
    ClassModel model = format.parse(content);
    if (model.majorVersion() < ClassFile.JAVA_6_VERSION) {
      return raise(model);
    }
    CallSites sites =
        new CallSites(model.thisClass().asSymbol(), model.flags().has(AccessFlag.INTERFACE));
    boolean slow =
        model.methods().stream()
            .flatMap(m -> m.code().stream())
            .flatMap(c -> c.elementStream())
            .anyMatch(CallSites::isSlow);
    return slow
        ? format.transformClass(
            model,
            ClassTransform.transformingMethodBodies(
                    m -> m.code().stream().flatMap(c -> c.elementStream()).anyMatch(CallSites::isSlow),
                    sites::replace)
                .andThen(ClassTransform.endHandler(sites::write)))
        : content;
  }

  private byte[] raise(ClassModel old) {
    // Method bodies are rebuilt instruction by instruction; copied whole they would get no stack maps.
    return format.transformClass(
        old,
        ClassTransform.transformingMethodBodies(CodeBuilder::with)
            .andThen(
                (to, element) -> {
                  if (element instanceof ClassFileVersion) {
                    to.withVersion(ClassFile.JAVA_8_VERSION, 0);
                  } else {
                    to.with(element);
                  }
                }));
  }

  /** The slow call sites of one class, and the methods that take their place. */
  private static final class CallSites {
    private final ClassDesc owner;
    private final boolean isInterface;
    private final Map<String, InvokeDynamicInstruction> methods = new HashMap<>();

    CallSites(ClassDesc owner, boolean isInterface) {
      this.owner = owner;
      this.isInterface = isInterface;
    }

    static boolean isSlow(CodeElement element) {
      if (!(element instanceof InvokeDynamicInstruction call)) {
        return false;
      }
      String bootstrap = call.bootstrapMethod().owner().displayName();
      return switch (bootstrap + "." + call.name().stringValue()) {
        case "ObjectMethods.equals", "ObjectMethods.hashCode" -> true;
        case "SwitchBootstraps.typeSwitch" ->
            call.bootstrapArgs().stream().allMatch(label -> label instanceof ClassDesc);
        default -> false;
      };
    }

    void replace(CodeBuilder code, CodeElement element) {
      if (isSlow(element)) {
        InvokeDynamicInstruction call = (InvokeDynamicInstruction) element;
        String name = "quick$" + call.name().stringValue() + "$" + methods.size();
        methods.put(name, call);
        code.invokestatic(owner, name, call.typeSymbol(), isInterface);
      } else {
        code.with(element);
      }
    }

    void write(ClassBuilder to) {
      methods.forEach(
          (name, call) ->
              to.withMethodBody(
                  name, call.typeSymbol(), PRIVATE_STATIC_SYNTHETIC, code -> body(code, call)));
    }

    private void body(CodeBuilder code, InvokeDynamicInstruction call) {
      List<ConstantDesc> arguments = call.bootstrapArgs();
      switch (call.name().stringValue()) {
        case "typeSwitch" -> typeSwitch(code, arguments);
        case "equals" -> equals(code, arguments.subList(2, arguments.size()));
        case "hashCode" -> hashCode(code, arguments.subList(2, arguments.size()));
        default -> throw new AssertionError(call);
      }
    }

    /** Of (target, restart): the first label from restart on that fits, -1 for null. */
    private static void typeSwitch(CodeBuilder code, List<ConstantDesc> labels) {
      Label present = code.newLabel();
      code.aload(0).ifnonnull(present).iconst_m1().ireturn().labelBinding(present);
      for (int i = 0; i < labels.size(); i++) {
        Label next = code.newLabel();
        code.iload(1).loadConstant(i).if_icmpgt(next);
        code.aload(0).instanceOf((ClassDesc) labels.get(i)).ifeq(next);
        code.loadConstant(i).ireturn().labelBinding(next);
      }
      code.loadConstant(labels.size()).ireturn();
    }

    private void equals(CodeBuilder code, List<ConstantDesc> getters) {
      Label different = code.newLabel();
      code.aload(1).instanceOf(owner).ifeq(different);
      code.aload(1).checkcast(owner).astore(2);
      for (ConstantDesc getter : getters) {
        ClassDesc type = get(code, 0, getter);
        get(code, 2, getter);
        switch (TypeKind.from(type)) {
          case INT, SHORT, BYTE, CHAR, BOOLEAN -> code.if_icmpne(different);
          case LONG -> code.lcmp().ifne(different);
          case FLOAT, DOUBLE ->
              code.invokestatic(
                      boxOf(type), "compare", MethodTypeDesc.of(ConstantDescs.CD_int, type, type))
                  .ifne(different);
          case REFERENCE ->
              code.invokestatic(
                      OBJECTS,
                      "equals",
                      MethodTypeDesc.of(
                          ConstantDescs.CD_boolean,
                          ConstantDescs.CD_Object,
                          ConstantDescs.CD_Object))
                  .ifeq(different);
          case VOID -> throw new AssertionError(getter);
        }
      }
      code.iconst_1().ireturn().labelBinding(different).iconst_0().ireturn();
    }

    private void hashCode(CodeBuilder code, List<ConstantDesc> getters) {
      code.iconst_0();
      for (ConstantDesc getter : getters) {
        code.bipush(31).imul();
        ClassDesc type = get(code, 0, getter);
        ClassDesc hashed = type.isPrimitive() ? type : ConstantDescs.CD_Object;
        code.invokestatic(
            type.isPrimitive() ? boxOf(type) : OBJECTS,
            "hashCode",
            MethodTypeDesc.of(ConstantDescs.CD_int, hashed));
        code.iadd();
      }
      code.ireturn();
    }

    private ClassDesc get(CodeBuilder code, int local, ConstantDesc getter) {
      DirectMethodHandleDesc field = (DirectMethodHandleDesc) getter;
      ClassDesc type = field.invocationType().returnType();
      code.aload(local).getfield(owner, field.methodName(), type);
      return type;
    }

    private static ClassDesc boxOf(ClassDesc primitive) {
      return switch (TypeKind.from(primitive)) {
        case INT -> ConstantDescs.CD_Integer;
        case LONG -> ConstantDescs.CD_Long;
        case SHORT -> ConstantDescs.CD_Short;
        case BYTE -> ConstantDescs.CD_Byte;
        case CHAR -> ConstantDescs.CD_Character;
        case BOOLEAN -> ConstantDescs.CD_Boolean;
        case FLOAT -> ConstantDescs.CD_Float;
        case DOUBLE -> ConstantDescs.CD_Double;
        case REFERENCE, VOID -> throw new AssertionError(primitive);
      };
    }
  }
}
