package dev.lamina.models;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;

/** The models and blocks that are committed with the project. */
public final class Fixtures {
  // What bin/PackFixture.java adds to a name, before the width of an element.
  private static final String PLANES = ".planes";

  private Fixtures() {}

  private static Path root() {
    return Path.of(System.getProperty("lamina.fixtures"));
  }

  /** Folder of a built-in model, or of one that may lie beside the checkout. */
  public static Path model(String name) {
    Path committed = root().resolve("models").resolve(name);
    return Files.exists(committed)
        ? committed
        : root().resolve("../../shared/models").resolve(name).normalize();
  }

  /** Names of the golden checkpoints. */
  public static List<String> zoo() throws IOException {
    try (Stream<Path> files = Files.list(root().resolve("zoo"))) {
      return files.map(f -> f.getFileName().toString().replace(".zip", "")).sorted().toList();
    }
  }

  /** Unpacks a golden checkpoint. */
  public static Path unzip(String name, Path folder) throws IOException {
    return unzipAny("zoo/" + name, folder.resolve(name));
  }

  /** Unpacks the blocks of GGUF's types with the floats that the format's makers decode. */
  public static Path unzipBlocks(Path folder) throws IOException {
    return unzipAny("quant/gguf-blocks", folder);
  }

  private static Path unzipAny(String archive, Path folder) throws IOException {
    Path target = Files.createDirectories(folder);
    try (InputStream in = Files.newInputStream(root().resolve(archive + ".zip"));
        ZipInputStream zip = new ZipInputStream(in)) {
      for (ZipEntry e = zip.getNextEntry(); e != null; e = zip.getNextEntry()) {
        String name = Path.of(e.getName()).getFileName().toString();
        int planes = name.indexOf(PLANES);
        if (planes < 0) {
          Files.write(target.resolve(name), zip.readAllBytes());
        } else {
          int width = Integer.parseInt(name.substring(planes + PLANES.length()));
          Path file = target.resolve(name.substring(0, planes));
          Files.write(file, together(zip.readAllBytes(), width));
        }
      }
    }
    return target;
  }

  /** Elements of some bytes whose first bytes came first, then their second ones, and so on. */
  private static byte[] together(byte[] planes, int width) {
    byte[] bytes = planes.clone();
    int elements = planes.length / width;
    for (int i = 0; i < elements * width; i++) {
      bytes[i] = planes[i % width * elements + i / width];
    }
    return bytes;
  }
}
