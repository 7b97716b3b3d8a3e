import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.classfile.ClassElement;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassFile.ConstantPoolSharingOption;
import java.lang.classfile.ClassModel;
import java.lang.classfile.ClassTransform;
import java.lang.classfile.FieldModel;
import java.lang.classfile.MethodModel;
import java.lang.classfile.MethodTransform;
import java.lang.classfile.Attributes;
import java.lang.classfile.CodeModel;
import java.lang.classfile.attribute.MethodParametersAttribute;
import java.lang.classfile.attribute.NestHostAttribute;
import java.lang.classfile.attribute.NestMembersAttribute;
import java.lang.classfile.attribute.SourceFileAttribute;
import java.lang.reflect.AccessFlag;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.List;
import java.util.Set;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.jar.JarOutputStream;

/**
 * What other modules can link to of a jar, as a small jar that the build compares with: classes with
 * their public and protected members, without code. {@code --version JAR} prints the SPI's version.
 */
final class ApiBaseline {
  private static final ClassFile FORMAT = ClassFile.of(ConstantPoolSharingOption.NEW_POOL);

  private ApiBaseline() {}

  public static void main(String[] args) throws IOException {
    if (args[0].equals("--version")) {
      System.out.println(version(Path.of(args[1])));
    } else {
      write(Path.of(args[0]), Path.of(args[1]));
    }
  }

  private static String version(Path spi) throws IOException {
    try (JarFile jar = new JarFile(spi.toFile())) {
      ClassModel type = read(jar, jar.getJarEntry("dev/lamina/spi/SpiVersion.class"));
      return constant(type, "MAJOR") + "." + constant(type, "MINOR");
    }
  }

  private static String constant(ClassModel type, String name) {
    for (FieldModel field : type.fields()) {
      if (field.fieldName().equalsString(name)) {
        return field
            .findAttribute(Attributes.constantValue())
            .orElseThrow()
            .constant()
            .constantValue()
            .toString();
      }
    }
    throw new IllegalStateException("SpiVersion: expected a constant " + name + ", found none");
  }

  private static void write(Path from, Path to) throws IOException {
    try (JarFile in = new JarFile(from.toFile());
        OutputStream file = new BufferedOutputStream(Files.newOutputStream(to));
        JarOutputStream out = new JarOutputStream(file)) {
      List<JarEntry> entries =
          in.stream()
              .filter(e -> e.getName().endsWith(".class"))
              .sorted((a, b) -> a.getName().compareTo(b.getName()))
              .toList();
      for (JarEntry entry : entries) {
        ClassModel type = read(in, entry);
        if (isSeen(type)) {
          JarEntry copy = new JarEntry(entry.getName());
          // The same jar makes the same baseline, whenever.
          copy.setTimeLocal(LocalDateTime.of(2026, 1, 1, 0, 0));
          out.putNextEntry(copy);
          out.write(FORMAT.transformClass(type, stripper()));
          out.closeEntry();
        }
      }
    }
  }

  private static ClassModel read(JarFile jar, JarEntry entry) throws IOException {
    return FORMAT.parse(jar.getInputStream(entry).readAllBytes());
  }

  /** Local and anonymous classes have no name that another module could use. */
  private static boolean isSeen(ClassModel type) {
    return !type.isModuleInfo()
        && !type.flags().has(AccessFlag.SYNTHETIC)
        && type.findAttribute(Attributes.enclosingMethod()).isEmpty();
  }

  private static ClassTransform stripper() {
    MethodTransform withoutCode =
        MethodTransform.dropping(
            e -> e instanceof CodeModel || e instanceof MethodParametersAttribute);
    return ClassTransform.dropping(ApiBaseline::isInner)
        .andThen(ClassTransform.transformingMethods(withoutCode));
  }

  private static boolean isInner(ClassElement element) {
    return switch (element) {
      case MethodModel m -> isHidden(m.flags().flags());
      case FieldModel f -> isHidden(f.flags().flags());
      case SourceFileAttribute a -> true;
      case NestHostAttribute a -> true;
      case NestMembersAttribute a -> true;
      default -> false;
    };
  }

  private static boolean isHidden(Set<AccessFlag> flags) {
    return flags.contains(AccessFlag.SYNTHETIC)
        || !(flags.contains(AccessFlag.PUBLIC) || flags.contains(AccessFlag.PROTECTED));
  }
}
