package dev.lamina;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * A hub with one model on this machine: names its files, gives small ones itself and sends for
 * large ones to another address, as the real one does. It can be made to misbehave.
 */
final class FakeHub implements AutoCloseable {
  static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";

  final Map<String, byte[]> files = new LinkedHashMap<>();

  /** Every request: method, path, and the headers that matter. */
  final List<String> log = Collections.synchronizedList(new ArrayList<>());

  /** Sends at most so many bytes of a body, then hangs up. */
  volatile int hangUpAfter = Integer.MAX_VALUE;

  /** Answers every request by this status. */
  volatile int status = 200;

  /** Says another hash of large files. */
  volatile String wrongHash = "";

  /** Says that large files have this size. */
  volatile long wrongSize = -1;

  private final ServerSocket socket;
  private final Thread thread;

  FakeHub() throws IOException {
    socket = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    thread = Thread.ofPlatform().daemon().start(this::run);
  }

  URI endpoint() {
    return URI.create("http://127.0.0.1:" + socket.getLocalPort());
  }

  private void run() {
    while (!socket.isClosed()) {
      try (Socket client = socket.accept()) {
        answer(client);
      } catch (IOException e) {
        // The test closed the socket, or the client hung up.
      }
    }
  }

  private void answer(Socket client) throws IOException {
    BufferedReader in =
        new BufferedReader(
            new InputStreamReader(client.getInputStream(), StandardCharsets.US_ASCII));
    String[] request = String.valueOf(in.readLine()).split(" ");
    Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    for (String line = in.readLine(); line != null && !line.isEmpty(); line = in.readLine()) {
      int colon = line.indexOf(':');
      headers.put(line.substring(0, colon), line.substring(colon + 1).strip());
    }
    String range = headers.getOrDefault("Range", "");
    log.add(request[0] + " " + request[1] + " " + range + " " + headers.get("Authorization"));
    OutputStream out = client.getOutputStream();
    String path = request[1];
    boolean head = request[0].equals("HEAD");
    if (status != 200) {
      send(out, status, Map.of(), new byte[0], true);
    } else if (path.equals("/api/models/org/model/revision/main")) {
      String names =
          files.keySet().stream()
              .map(f -> "{\"rfilename\":\"" + f + "\"}")
              .collect(Collectors.joining(","));
      String body = "{\"sha\":\"" + COMMIT + "\",\"siblings\":[" + names + "]}";
      send(out, 200, Map.of(), body.getBytes(StandardCharsets.UTF_8), false);
    } else {
      file(out, path, head, range);
    }
  }

  private void file(OutputStream out, String path, boolean head, String range) throws IOException {
    String name = path.substring(path.lastIndexOf('/') + 1);
    byte[] all = files.get(name);
    boolean known =
        path.startsWith("/org/model/resolve/" + COMMIT + "/") || path.startsWith("/cdn/");
    if (all == null || !known) {
      send(out, 404, Map.of(), new byte[0], head);
      return;
    }
    boolean large = name.endsWith(".safetensors");
    if (large && !path.startsWith("/cdn/")) {
      String elsewhere = "http://localhost:" + socket.getLocalPort() + "/cdn/" + name;
      String hash = wrongHash.isEmpty() ? sha256(all) : wrongHash;
      String size = String.valueOf(wrongSize < 0 ? all.length : wrongSize);
      send(
          out,
          302,
          Map.of("Location", elsewhere, "X-Linked-Etag", '"' + hash + '"', "X-Linked-Size", size),
          new byte[0],
          head);
      return;
    }
    int from = range.isEmpty() ? 0 : Integer.parseInt(range.replaceAll("\\D", ""));
    Map<String, String> etag = Map.of("ETag", '"' + gitSha1(all) + '"');
    if (from > 0 && from >= all.length) {
      send(out, 416, etag, new byte[0], head);
    } else {
      send(out, from > 0 ? 206 : 200, etag, Arrays.copyOfRange(all, from, all.length), head);
    }
  }

  private void send(
      OutputStream out, int code, Map<String, String> headers, byte[] body, boolean head)
      throws IOException {
    StringBuilder text = new StringBuilder("HTTP/1.1 " + code + " x\r\nConnection: close\r\n");
    text.append("Content-Length: ").append(body.length).append("\r\n");
    headers.forEach((k, v) -> text.append(k).append(": ").append(v).append("\r\n"));
    out.write(text.append("\r\n").toString().getBytes(StandardCharsets.US_ASCII));
    if (!head) {
      out.write(body, 0, Math.min(body.length, hangUpAfter));
    }
    out.flush();
  }

  static String sha256(byte[] bytes) {
    return hash("SHA-256", new byte[0], bytes);
  }

  private static String gitSha1(byte[] bytes) {
    byte[] header = ("blob " + bytes.length + "\0").getBytes(StandardCharsets.US_ASCII);
    return hash("SHA-1", header, bytes);
  }

  private static String hash(String name, byte[] header, byte[] bytes) {
    try {
      MessageDigest digest = MessageDigest.getInstance(name);
      digest.update(header);
      return HexFormat.of().formatHex(digest.digest(bytes));
    } catch (java.security.NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  @Override
  public void close() {
    try {
      socket.close();
      thread.join();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
