package dev.lamina.backend.reference.mutant;

import dev.lamina.backend.reference.ReferenceBackendProvider;
import dev.lamina.spi.BackendProvider;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;

/** The reference backend and the SDK once more, one instruction of them changed. */
final class ChangedCode extends ClassLoader {
  private static final String SDK = "dev.lamina.backend.sdk.";
  private static final String REFERENCE = ReferenceBackendProvider.class.getPackageName() + ".";

  private final CodeChange change;

  private ChangedCode(CodeChange change) {
    super(ChangedCode.class.getClassLoader());
    this.change = change;
  }

  /**
   * Loads it.
   *
   * @throws AssertionError if there is no such instruction
   */
  static BackendProvider provider(CodeChange change) {
    try {
      return (BackendProvider)
          new ChangedCode(change)
              .loadClass(ReferenceBackendProvider.class.getName())
              .getConstructor()
              .newInstance();
    } catch (ReflectiveOperationException e) {
      throw new AssertionError("load " + change, e);
    }
  }

  /** A compiled class of the SDK or the reference. */
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
          name.startsWith(SDK) || name.startsWith(REFERENCE) && !name.contains(".mutant.");
      if (!own) {
        return super.loadClass(name, resolve);
      }
      Class<?> known = findLoadedClass(name);
      if (known != null) {
        return known;
      }
      byte[] right = bytes(name);
      byte[] code = name.equals(change.type()) ? change.applyTo(right) : right;
      return defineClass(name, code, 0, code.length);
    }
  }
}
