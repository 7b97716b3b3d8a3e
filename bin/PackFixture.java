import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.Deflater;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * Packs a golden checkpoint for the tests:
 *
 * <pre>java bin/PackFixture.java FOLDER fixtures/zoo/NAME.zip</pre>
 *
 * Weights and logits are stored as {@code NAME.planesW}: first the first byte of each W bytes, then
 * the second of each, and so on, at the end what is left over. Signs and exponents lie together
 * then, and deflate saves a tenth more. The tests' {@code Fixtures} puts them together again.
 */
final class PackFixture {
  private PackFixture() {}

  public static void main(String[] args) throws IOException {
    if (args.length != 2) {
      System.err.println("expected FOLDER ZIP, got " + args.length + " arguments");
      System.exit(2);
    }
    List<Path> files;
    try (Stream<Path> found = Files.list(Path.of(args[0]))) {
      files = found.sorted().toList();
    }
    try (OutputStream out = Files.newOutputStream(Path.of(args[1]));
        ZipOutputStream zip = new ZipOutputStream(out)) {
      zip.setLevel(Deflater.BEST_COMPRESSION);
      for (Path file : files) {
        add(zip, file.getFileName().toString(), Files.readAllBytes(file));
      }
    }
  }

  private static void add(ZipOutputStream zip, String name, byte[] bytes) throws IOException {
    if (!name.endsWith(".safetensors")) {
      put(zip, name, bytes);
      return;
    }
    // Logits are F32, weights mostly BF16.
    int width = name.equals("golden.safetensors") ? 4 : 2;
    put(zip, name + ".planes" + width, planes(bytes, width));
  }

  private static void put(ZipOutputStream zip, String name, byte[] bytes) throws IOException {
    ZipEntry entry = new ZipEntry(name);
    // The same files give the same archive.
    entry.setTimeLocal(LocalDateTime.of(2026, 1, 1, 0, 0));
    zip.putNextEntry(entry);
    zip.write(bytes);
    zip.closeEntry();
  }

  private static byte[] planes(byte[] bytes, int width) {
    byte[] planes = bytes.clone();
    int elements = bytes.length / width;
    for (int i = 0; i < elements * width; i++) {
      planes[i % width * elements + i / width] = bytes[i];
    }
    return planes;
  }
}
