package dev.lamina.cli;

import dev.lamina.Backends;
import dev.lamina.Backends.Found;
import dev.lamina.LaminaException;
import dev.lamina.spi.DeviceInfo;
import dev.lamina.spi.ProbeResult;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Lists every backend found and the one that would be picked. */
@Command(name = "backends", description = "Lists backends, their devices, and the one picked.")
final class BackendsCommand implements Callable<Integer> {
  @Option(names = "--json", description = "Prints one JSON document.")
  private boolean json;

  @Override
  public Integer call() {
    List<Found> all = Backends.all();
    String picked = picked();
    if (json) {
      System.out.println(Json.line(document(all, picked)));
    } else {
      all.forEach(f -> print(f, picked, Backends.selfCheck(f, all)));
    }
    return Main.OK;
  }

  private static String picked() {
    try {
      return Backends.choose(null).id();
    } catch (LaminaException e) {
      return "";
    }
  }

  private static void print(Found f, String picked, Optional<String> failure) {
    String id = f.provider().id();
    switch (f.probe()) {
      case ProbeResult.Available a -> {
        for (DeviceInfo d : a.devices()) {
          String name = id + ":" + d.ordinal();
          System.out.printf(
              Locale.ROOT,
              "%-14s available  %s, %s, %.1f GiB%s%s%n",
              name,
              d.name(),
              d.arch(),
              d.memory().totalBytes() / 0x1p30,
              d.ordinal() == 0 ? failure.map(", failed its self-check: "::concat).orElse("") : "",
              name.equals(picked) ? "  <- default" : "");
        }
      }
      case ProbeResult.Absent a -> System.out.printf("%-14s absent     %s%n", id, a.why());
      case ProbeResult.Broken b -> System.out.printf("%-14s broken     %s%n", id, b.why());
    }
  }

  private static ObjectNode document(List<Found> all, String picked) {
    ObjectNode document = Json.object();
    document.put("default", picked);
    ArrayNode backends = document.putArray("backends");
    for (Found f : all) {
      ObjectNode backend = backends.addObject();
      backend.put("id", f.provider().id());
      backend.put("status", f.probe().getClass().getSimpleName().toLowerCase(Locale.ROOT));
      if (!f.isAvailable()) {
        backend.put("why", f.why());
      }
      Backends.selfCheck(f, all).ifPresent(why -> backend.put("failed_self_check", why));
      ArrayNode devices = backend.putArray("devices");
      if (f.probe() instanceof ProbeResult.Available a) {
        for (DeviceInfo d : a.devices()) {
          ObjectNode device = devices.addObject();
          device.put("ordinal", d.ordinal());
          device.put("name", d.name());
          device.put("arch", d.arch());
          device.put("total_bytes", d.memory().totalBytes());
          device.put("free_bytes", d.memory().freeBytes());
        }
      }
    }
    return document;
  }
}
