package dev.lamina;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;

/** Golden checkpoints, unpacked; their tensors lie in the archives by byte planes. */
final class Zoo {
  private static final String PLANES = ".planes";

  private Zoo() {}

  static Path unzip(String name, Path folder) throws IOException {
    Path target = Files.createDirectories(folder.resolve(name));
    Path archive = Path.of(System.getProperty("lamina.fixtures"), "zoo", name + ".zip");
    try (InputStream in = Files.newInputStream(archive);
        ZipInputStream zip = new ZipInputStream(in)) {
      for (ZipEntry e = zip.getNextEntry(); e != null; e = zip.getNextEntry()) {
        String file = Path.of(e.getName()).getFileName().toString();
        int planes = file.indexOf(PLANES);
        byte[] bytes = zip.readAllBytes();
        if (planes < 0) {
          Files.write(target.resolve(file), bytes);
        } else {
          int width = Integer.parseInt(file.substring(planes + PLANES.length()));
          Files.write(target.resolve(file.substring(0, planes)), together(bytes, width));
        }
      }
    }
    return target;
  }

  private static byte[] together(byte[] planes, int width) {
    byte[] bytes = planes.clone();
    int elements = planes.length / width;
    for (int i = 0; i < elements * width; i++) {
      bytes[i] = planes[i % width * elements + i / width];
    }
    return bytes;
  }
}
