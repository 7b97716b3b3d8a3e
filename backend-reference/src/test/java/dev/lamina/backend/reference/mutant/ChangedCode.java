package dev.lamina.backend.reference.mutant;

import dev.lamina.backend.reference.ReferenceBackendProvider;
import dev.lamina.spi.BackendProvider;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassTransform;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.CodeModel;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** The SDK and a backend on it once more, one instruction of them changed. */
final class ChangedCode extends ClassLoader {
  private static final String SDK = "dev.lamina.backend.sdk.";
  private static final String REFERENCE = ReferenceBackendProvider.class.getPackageName() + ".";
  private static final String CPU_VECTOR = "dev.lamina.backend.cpuvector.";
  private static final String WARM_UP = CPU_VECTOR + "kernels.WarmUp";
  private static final String CPU_VECTOR_PROVIDER = CPU_VECTOR + "CpuVectorBackendProvider";

  private static final Map<Form, BackendProvider> RIGHT = new ConcurrentHashMap<>();
  private static final String HOT_KERNEL = CPU_VECTOR + "kernels.HotKernel";

  private final @Nullable CodeChange change;
  private final Form form;

  /**
   * Which of its two forms a kernel of cpu-vector has. A copy lives for a case or two: it keeps the
   * form that it begins with, as compiling the other on a thread of its own would cost more than
   * the cases, and make them a matter of time.
   */
  enum Form {
    SCALAR,
    VECTOR
  }

  private ChangedCode(@Nullable CodeChange change, Form form) {
    super(ChangedCode.class.getClassLoader());
    this.change = change;
    this.form = form;
  }

  /** Whether the instruction is one of cpu-vector. */
  static boolean isOfCpuVector(CodeChange change) {
    return change.type().startsWith(CPU_VECTOR);
  }

  /**
   * The backend that a change is one of: the reference unless the instruction is cpu-vector's. That
   * is loaded anew too, as its module exports nothing.
   */
  static BackendProvider right(Fault.OfCode fault) {
    return isOfCpuVector(fault.change())
        ? RIGHT.computeIfAbsent(
            fault.form(), f -> load(new ChangedCode(null, f), CPU_VECTOR_PROVIDER))
        : new ReferenceBackendProvider();
  }

  /**
   * Loads it.
   *
   * @throws AssertionError if there is no such instruction
   */
  static BackendProvider provider(Fault.OfCode fault) {
    return load(
        new ChangedCode(fault.change(), fault.form()),
        isOfCpuVector(fault.change())
            ? CPU_VECTOR_PROVIDER
            : ReferenceBackendProvider.class.getName());
  }

  private static BackendProvider load(ChangedCode code, String provider) {
    try {
      return (BackendProvider) code.loadClass(provider).getConstructor().newInstance();
    } catch (ReflectiveOperationException e) {
      throw new AssertionError("load " + provider + " with " + code.change, e);
    }
  }

  /** A compiled class of the SDK or a backend. */
  static byte[] bytes(String name) {
    String file = "/" + name.replace('.', '/') + ".class";
    try (InputStream in = ReferenceBackendProvider.class.getResourceAsStream(file)) {
      InputStream found =
          in == null ? ClassLoader.getSystemResourceAsStream(file.substring(1)) : in;
      if (found == null) {
        throw new AssertionError("no class " + name);
      }
      return found.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private byte[] code(String name) {
    byte[] right = bytes(name);
    if (change != null && name.equals(change.type())) {
      return change.applyTo(right);
    }
    return switch (name) {
      case WARM_UP -> withBody(right, "start", CodeBuilder::return_);
      case HOT_KERNEL -> withBody(right, "isWarm", c -> c.loadConstant(form.ordinal()).ireturn());
      default -> right;
    };
  }

  private static byte[] withBody(byte[] code, String name, Consumer<CodeBuilder> body) {
    ClassFile classFile = ClassFile.of();
    return classFile.transformClass(
        classFile.parse(code),
        ClassTransform.transformingMethods(
            m -> m.methodName().equalsString(name),
            (method, element) -> {
              if (element instanceof CodeModel) {
                method.withCode(body);
              } else {
                method.with(element);
              }
            }));
  }

  @Override
  protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
    synchronized (getClassLoadingLock(name)) {
      boolean own =
          name.startsWith(SDK)
              || name.startsWith(CPU_VECTOR)
              || name.startsWith(REFERENCE) && !name.contains(".mutant.");
      if (!own) {
        return super.loadClass(name, resolve);
      }
      Class<?> known = findLoadedClass(name);
      if (known != null) {
        return known;
      }
      byte[] code = code(name);
      return defineClass(name, code, 0, code.length);
    }
  }
}
