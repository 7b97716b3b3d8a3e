package dev.lamina.backend.opencl.cl;

import dev.lamina.backend.sdk.JarLibrary;
import dev.lamina.backend.sdk.UserCache;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.lwjgl.system.Configuration;
import org.lwjgl.system.Library;

/** How LWJGL is to behave, as far as nobody has told it otherwise. */
final class Lwjgl {
  private Lwjgl() {}

  /**
   * Settles that and loads it.
   *
   * @throws LinkageError if it does not load
   */
  static void load() {
    if (Configuration.MEMORY_BACKEND.get() == null) {
      // Its other way to memory is one that the JVM warns of.
      Configuration.MEMORY_BACKEND.set("ffm");
    }
    if (Configuration.LIBRARY_NAME.get() == null) {
      Path folder = UserCache.folder(System.getProperties(), System.getenv(), "lwjgl", "lwjgl");
      JarLibrary.ofLwjgl(Configuration.class.getClassLoader(), folder)
          .ifPresent(file -> Configuration.LIBRARY_NAME.set(file.toString()));
    }
    if (Configuration.DEBUG_STREAM.get() == null && !Configuration.DEBUG.get(false)) {
      // It gives advice on stderr beside what it throws, and a probe gives the reason.
      Configuration.DEBUG_STREAM.set(
          new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8));
    }
    Library.initialize();
  }
}
