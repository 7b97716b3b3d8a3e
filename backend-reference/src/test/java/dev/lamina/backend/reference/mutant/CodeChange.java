package dev.lamina.backend.reference.mutant;

import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassHierarchyResolver;
import java.lang.classfile.ClassModel;
import java.lang.classfile.ClassTransform;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.CodeElement;
import java.lang.classfile.CodeModel;
import java.lang.classfile.CodeTransform;
import java.lang.classfile.MethodModel;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * One instruction of a compiled method, changed.
 *
 * @param type binary name of the class
 * @param method its name; of a lambda the compiler's
 * @param change what is done, such as {@code LT -> LE}
 * @param nth which of the method's instructions that can be changed so, from 1
 */
record CodeChange(String type, String method, String change, int nth) {

  @Override
  public String toString() {
    String simple = type.substring(type.lastIndexOf('.') + 1);
    return "%s.%s: %s #%d".formatted(simple, method, change, nth);
  }

  /** Every change of a class that {@link CodeEdits} knows, in the order of the code. */
  static List<CodeChange> allOf(String type, byte[] bytes) {
    List<CodeChange> all = new ArrayList<>();
    for (MethodModel method : ClassFile.of().parse(bytes).methods()) {
      String name = method.methodName().stringValue();
      Map<String, Integer> seen = new HashMap<>();
      method.code().stream()
          .flatMap(CodeModel::elementStream)
          .forEach(element -> {
            for (CodeEdits.Edit edit : CodeEdits.of(element)) {
              int nth = seen.merge(edit.change(), 1, Integer::sum);
              all.add(new CodeChange(type, name, edit.change(), nth));
            }
          });
    }
    return all;
  }

  /**
   * The class with this change.
   *
   * @throws AssertionError if the class has no such instruction (any more)
   */
  byte[] applyTo(byte[] bytes) {
    ClassFile classFile =
        ClassFile.of(
            ClassFile.ClassHierarchyResolverOption.of(
                ClassHierarchyResolver.ofResourceParsing(CodeChange.class.getClassLoader())
                    .orElse(ClassHierarchyResolver.defaultResolver())));
    ClassModel model = classFile.parse(bytes);
    AtomicBoolean done = new AtomicBoolean();
    byte[] changed =
        classFile.transformClass(
            model,
            ClassTransform.transformingMethodBodies(
                m -> m.methodName().stringValue().equals(method),
                CodeTransform.ofStateful(() -> transform(done))));
    if (!done.get()) {
      throw new AssertionError("no such instruction: " + this);
    }
    return changed;
  }

  /** Methods of one name are told apart by nothing: the first that has the instruction counts. */
  private CodeTransform transform(AtomicBoolean done) {
    AtomicInteger seen = new AtomicInteger();
    return (CodeBuilder to, CodeElement element) -> {
      for (CodeEdits.Edit edit : CodeEdits.of(element)) {
        boolean hit = edit.change().equals(change) && seen.incrementAndGet() == nth;
        if (hit && !done.getAndSet(true)) {
          edit.write().accept(to);
          return;
        }
      }
      to.with(element);
    };
  }
}
