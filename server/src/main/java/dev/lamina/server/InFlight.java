package dev.lamina.server;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/** The requests that have no whole answer yet. Everything but the flag is the event loop's. */
final class InFlight {
  private final Set<Exchange> exchanges = new HashSet<>();
  private final CompletableFuture<Void> drained = new CompletableFuture<>();
  private volatile boolean draining;

  void add(Exchange exchange) {
    exchanges.add(exchange);
  }

  void remove(Exchange exchange) {
    exchanges.remove(exchange);
    if (draining && exchanges.isEmpty()) {
      drained.complete(null);
    }
  }

  /** Whether the server takes no more requests; any thread. */
  boolean isDraining() {
    return draining;
  }

  /** Takes no more requests; what it returns completes once the last has its answer. */
  CompletableFuture<Void> drain() {
    draining = true;
    if (exchanges.isEmpty()) {
      drained.complete(null);
    }
    return drained;
  }

  /** Ends every request that is left with an error. */
  void endAll() {
    for (Exchange exchange : List.copyOf(exchanges)) {
      exchange.fail(ApiException.shuttingDown());
    }
  }
}
