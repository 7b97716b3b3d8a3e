package dev.lamina.backend.reference.mutant;

import dev.lamina.backend.reference.ReferenceBackendProvider;
import dev.lamina.spi.BackendProvider;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import org.jspecify.annotations.Nullable;

/** The SDK and a backend on it once more, one instruction of them changed. */
final class ChangedCode extends ClassLoader {
  private static final String SDK = "dev.lamina.backend.sdk.";
  private static final String REFERENCE = ReferenceBackendProvider.class.getPackageName() + ".";
  private static final String CPU_VECTOR = "dev.lamina.backend.cpuvector.";
  private static final String CPU_VECTOR_PROVIDER = CPU_VECTOR + "CpuVectorBackendProvider";

  private final @Nullable CodeChange change;

  private ChangedCode(@Nullable CodeChange change) {
    super(ChangedCode.class.getClassLoader());
    this.change = change;
  }

  /** Whether the instruction is one of cpu-vector. */
  static boolean isOfCpuVector(CodeChange change) {
    return change.type().startsWith(CPU_VECTOR);
  }

  /**
   * The backend that a change is one of: the reference unless the instruction is cpu-vector's. That
   * is loaded anew too, as its module exports nothing.
   */
  static BackendProvider right(CodeChange change) {
    return isOfCpuVector(change)
        ? load(new ChangedCode(null), CPU_VECTOR_PROVIDER)
        : new ReferenceBackendProvider();
  }

  /**
   * Loads it.
   *
   * @throws AssertionError if there is no such instruction
   */
  static BackendProvider provider(CodeChange change) {
    return load(
        new ChangedCode(change),
        isOfCpuVector(change) ? CPU_VECTOR_PROVIDER : ReferenceBackendProvider.class.getName());
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
      byte[] right = bytes(name);
      byte[] code = change != null && name.equals(change.type()) ? change.applyTo(right) : right;
      return defineClass(name, code, 0, code.length);
    }
  }
}
