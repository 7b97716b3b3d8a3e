package dev.lamina;

import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.function.Consumer;

/** The files of a model by their hash. What is not whole yet has {@code .incomplete} at the end. */
final class BlobStore {
  private static final int CHUNK_BYTES = 1 << 20;
  private static final long PROGRESS_NANOS = 1_000_000_000;

  private final Path folder;
  private final HubClient client;
  private final Consumer<String> progress;

  BlobStore(Path folder, HubClient client, Consumer<String> progress) throws IOException {
    this.folder = Files.createDirectories(folder);
    this.client = client;
    this.progress = progress;
  }

  /** The file, fetched from where an earlier try ended unless it is there. */
  Path fetch(String commit, HubFile file) throws IOException {
    Path blob = folder.resolve(file.etag());
    if (Files.isRegularFile(blob)) {
      return blob;
    }
    Path part = folder.resolve(file.etag() + ".incomplete");
    try (FileChannel out =
        FileChannel.open(
            part, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      // Another process that fetches the same file is waited for; it ends or leaves a part.
      out.lock();
      if (Files.isRegularFile(blob)) {
        return blob;
      }
      if (file.size() >= 0 && out.size() > file.size()) {
        out.truncate(0);
      }
      checkRoom(file, out.size());
      if (file.size() < 0 || out.size() < file.size()) {
        receive(commit, file, out);
      }
      verify(file, out, part);
      Files.move(part, blob, StandardCopyOption.ATOMIC_MOVE);
    }
    return blob;
  }

  private void checkRoom(HubFile file, long there) throws IOException {
    long free = Files.getFileStore(folder).getUsableSpace();
    if (file.size() - there > free) {
      throw new LaminaException(
          "pull %s: expected room for %d more bytes in %s, got %d; free some or set HF_HOME"
              .formatted(file.name(), file.size() - there, folder, free));
    }
  }

  private void receive(String commit, HubFile file, FileChannel out) throws IOException {
    HttpURLConnection http = client.download(commit, file.name(), out.size());
    try {
      if (http.getResponseCode() == 416) {
        // It begins beyond the end: the part is not one of this file.
        http.disconnect();
        out.truncate(0);
        http = client.download(commit, file.name(), 0);
      }
      if (http.getResponseCode() != 206) {
        out.truncate(0);
      }
      out.position(out.size());
      copy(file, http, out);
    } finally {
      http.disconnect();
    }
  }

  private void copy(HubFile file, HttpURLConnection http, FileChannel out) throws IOException {
    progress.accept(line(file, out.position()));
    long last = System.nanoTime();
    byte[] chunk = new byte[CHUNK_BYTES];
    try (InputStream in = http.getInputStream()) {
      for (int n = read(file, in, chunk, out); n >= 0; n = read(file, in, chunk, out)) {
        ByteBuffer bytes = ByteBuffer.wrap(chunk, 0, n);
        while (bytes.hasRemaining()) {
          out.write(bytes);
        }
        if (System.nanoTime() - last >= PROGRESS_NANOS) {
          last = System.nanoTime();
          progress.accept(line(file, out.position()));
        }
      }
    }
  }

  private static int read(HubFile file, InputStream in, byte[] chunk, FileChannel out)
      throws IOException {
    try {
      return in.read(chunk);
    } catch (IOException e) {
      throw interrupted(file, out.size(), e);
    }
  }

  private static LaminaException interrupted(HubFile file, long got, IOException cause) {
    String size = file.size() < 0 ? "all of it" : file.size() + " bytes";
    return new LaminaException(
        "pull %s: expected %s, got %d bytes, then the connection ended; pull again to go on from there"
            .formatted(file.name(), size, got),
        cause);
  }

  private static String line(HubFile file, long done) {
    return file.size() < 0
        ? "%s: %d MiB".formatted(file.name(), done >> 20)
        : "%s: %d of %d MiB".formatted(file.name(), done >> 20, file.size() >> 20);
  }

  private static void verify(HubFile file, FileChannel in, Path part) throws IOException {
    long size = in.size();
    if (file.size() >= 0 && size < file.size()) {
      throw interrupted(file, size, new IOException("end of stream"));
    }
    boolean large = file.etag().length() == 64;
    MessageDigest digest = digest(large ? "SHA-256" : "SHA-1");
    if (!large) {
      // Git's hash of a file is over a header too.
      digest.update(("blob " + size + "\0").getBytes(StandardCharsets.US_ASCII));
    }
    ByteBuffer chunk = ByteBuffer.allocate(CHUNK_BYTES);
    for (long at = 0; at < size; ) {
      int n = in.read(chunk.clear(), at);
      digest.update(chunk.flip());
      at += n;
    }
    String got = HexFormat.of().formatHex(digest.digest());
    if (!got.equals(file.etag())) {
      Files.delete(part);
      throw new LaminaException(
          "pull %s: expected %s %s, got %s; the damaged file is removed, pull again"
              .formatted(file.name(), large ? "sha256" : "git sha1", file.etag(), got));
    }
  }

  private static MessageDigest digest(String name) {
    try {
      return MessageDigest.getInstance(name);
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every JDK has " + name, e);
    }
  }
}
