import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassFile.ClassHierarchyResolverOption;
import java.lang.classfile.ClassFile.StackMapsOption;
import java.lang.classfile.ClassFileVersion;
import java.lang.classfile.ClassHierarchyResolver;
import java.lang.classfile.ClassModel;
import java.lang.classfile.ClassTransform;
import java.lang.classfile.CodeBuilder;
import java.lang.constant.ClassDesc;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Enumeration;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.jar.JarOutputStream;

/**
 * Rewrites the classes of a jar that were compiled for Java 5 or older into the format of Java 8. The
 * JVM keeps classes of the old format, which have no stack maps, out of its AOT cache.
 */
final class RaiseClassVersion {
  private RaiseClassVersion() {}

  public static void main(String[] jars) throws IOException {
    for (String name : jars) {
      Path jar = Path.of(name);
      Path raised = jar.resolveSibling(jar.getFileName() + ".raised");
      try (JarFile in = new JarFile(jar.toFile());
          OutputStream file = Files.newOutputStream(raised);
          JarOutputStream out = new JarOutputStream(file)) {
        Enumeration<JarEntry> entries = in.entries();
        while (entries.hasMoreElements()) {
          copy(in, entries.nextElement(), out);
        }
      }
      Files.move(raised, jar, StandardCopyOption.ATOMIC_MOVE);
    }
  }

  private static void copy(JarFile in, JarEntry entry, JarOutputStream out) throws IOException {
    JarEntry copied = new JarEntry(entry.getName());
    copied.setTime(entry.getTime());
    out.putNextEntry(copied);
    byte[] content = read(in, entry);
    out.write(entry.getName().endsWith(".class") ? raise(in, content) : content);
    out.closeEntry();
  }

  private static byte[] read(JarFile in, JarEntry entry) throws IOException {
    try (InputStream bytes = in.getInputStream(entry)) {
      return bytes.readAllBytes();
    }
  }

  private static byte[] raise(JarFile in, byte[] content) {
    ClassFile format =
        ClassFile.of(
            StackMapsOption.GENERATE_STACK_MAPS,
            ClassHierarchyResolverOption.of(
                ClassHierarchyResolver.ofResourceParsing(type -> find(in, type))
                    .orElse(ClassHierarchyResolver.defaultResolver())));
    ClassModel old = format.parse(content);
    if (old.majorVersion() >= ClassFile.JAVA_6_VERSION) {
      return content;
    }
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

  private static InputStream find(JarFile in, ClassDesc type) {
    String descriptor = type.descriptorString();
    JarEntry entry = in.getJarEntry(descriptor.substring(1, descriptor.length() - 1) + ".class");
    try {
      return entry == null ? null : in.getInputStream(entry);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
