package dev.lamina.models;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;

/** The models that are committed with the project. */
final class Fixtures {
  private Fixtures() {}

  private static Path root() {
    return Path.of(System.getProperty("lamina.fixtures"));
  }

  /** Folder of a built-in model. */
  static Path model(String name) {
    return root().resolve("models").resolve(name);
  }

  /** Unpacks a golden checkpoint. */
  static Path unzip(String name, Path folder) throws IOException {
    Path target = Files.createDirectories(folder.resolve(name));
    try (InputStream in = Files.newInputStream(root().resolve("zoo").resolve(name + ".zip"));
        ZipInputStream zip = new ZipInputStream(in)) {
      for (ZipEntry e = zip.getNextEntry(); e != null; e = zip.getNextEntry()) {
        try (OutputStream out =
            Files.newOutputStream(target.resolve(Path.of(e.getName()).getFileName()))) {
          zip.transferTo(out);
        }
      }
    }
    return target;
  }
}
