package dev.lamina.models;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;

/** The models and blocks that are committed with the project. */
public final class Fixtures {
  private Fixtures() {}

  private static Path root() {
    return Path.of(System.getProperty("lamina.fixtures"));
  }

  /** Folder of a built-in model. */
  public static Path model(String name) {
    return root().resolve("models").resolve(name);
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
        try (OutputStream out =
            Files.newOutputStream(target.resolve(Path.of(e.getName()).getFileName()))) {
          zip.transferTo(out);
        }
      }
    }
    return target;
  }
}
