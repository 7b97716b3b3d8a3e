package dev.lamina.server;

import java.time.Duration;

/**
 * How a server listens and what it bears.
 *
 * @param host name or address to listen on
 * @param port to listen on; 0 takes a free one
 * @param maxBodyBytes a longer request body is answered with 413
 * @param maxQueuedRequests requests that may wait to run; one more is answered with 429
 * @param maxUnsentBytes a stream whose reader leaves more than this unread is cut off
 * @param shutdownGrace how long streams may go on once the server stops, at most 8 s; then each is
 *     ended with an error line
 */
public record ServerOptions(
    String host,
    int port,
    int maxBodyBytes,
    int maxQueuedRequests,
    int maxUnsentBytes,
    Duration shutdownGrace) {

  private static final Duration LONGEST_GRACE = Duration.ofSeconds(8);

  /** Loopback port 8080, bodies of 32 MiB, 1024 waiting, 1 MiB unread, 5 s to finish. */
  public static final ServerOptions DEFAULT =
      new ServerOptions("127.0.0.1", 8080, 32 << 20, 1024, 1 << 20, Duration.ofSeconds(5));

  /** Checks the ranges. */
  public ServerOptions {
    inRange("port", port, 0, 65_535);
    inRange("max body bytes", maxBodyBytes, 1, Integer.MAX_VALUE - 8);
    inRange("max queued requests", maxQueuedRequests, 1, Integer.MAX_VALUE);
    inRange("max unsent bytes", maxUnsentBytes, 1, Integer.MAX_VALUE);
    if (shutdownGrace.isNegative() || shutdownGrace.compareTo(LONGEST_GRACE) > 0) {
      throw new IllegalArgumentException(
          "shutdown grace: expected 0 to 8 s, got " + shutdownGrace.toMillis() + " ms");
    }
  }

  private static void inRange(String what, int value, int min, int max) {
    if (value < min || value > max) {
      throw new IllegalArgumentException(
          what + ": expected " + min + ".." + max + ", got " + value);
    }
  }

  /** On another host name or address. */
  public ServerOptions withHost(String value) {
    return new ServerOptions(
        value, port, maxBodyBytes, maxQueuedRequests, maxUnsentBytes, shutdownGrace);
  }

  /** On another port. */
  public ServerOptions withPort(int value) {
    return new ServerOptions(
        host, value, maxBodyBytes, maxQueuedRequests, maxUnsentBytes, shutdownGrace);
  }

  /** With another limit on request bodies. */
  public ServerOptions withMaxBodyBytes(int value) {
    return new ServerOptions(host, port, value, maxQueuedRequests, maxUnsentBytes, shutdownGrace);
  }

  /** With another limit on waiting requests. */
  public ServerOptions withMaxQueuedRequests(int value) {
    return new ServerOptions(host, port, maxBodyBytes, value, maxUnsentBytes, shutdownGrace);
  }

  /** With another limit on what a stream's reader may leave unread. */
  public ServerOptions withMaxUnsentBytes(int value) {
    return new ServerOptions(host, port, maxBodyBytes, maxQueuedRequests, value, shutdownGrace);
  }

  /** With another time for streams to finish. */
  public ServerOptions withShutdownGrace(Duration value) {
    return new ServerOptions(host, port, maxBodyBytes, maxQueuedRequests, maxUnsentBytes, value);
  }
}
