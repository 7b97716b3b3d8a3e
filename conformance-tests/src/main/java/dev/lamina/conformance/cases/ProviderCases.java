package dev.lamina.conformance.cases;

import dev.lamina.conformance.Check;
import dev.lamina.conformance.Rule;
import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.BackendOptions;
import dev.lamina.spi.BackendProvider;
import dev.lamina.spi.Device;
import dev.lamina.spi.DeviceInfo;
import dev.lamina.spi.ProbeResult;
import dev.lamina.spi.SpiVersion;
import dev.lamina.spi.ir.DType;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The door of a backend: names, versions, probing, opening. */
final class ProviderCases {
  private ProviderCases() {}

  static void addTo(CaseList list) {
    list.lifecycle(
        "provider",
        "id-is-a-word",
        Rule.STRUCTURE,
        c -> {
          String id = c.provider().id();
          Check.that(
              id.matches("[a-z0-9-]+"),
              "id: expected lower-case letters, digits and hyphens, got '%s'",
              id);
          Check.equal("id asked again", id, c.provider().id());
        });
    list.lifecycle(
        "provider",
        "built-for-a-version-this-runtime-takes",
        Rule.STRUCTURE,
        c -> {
          SpiVersion v = c.provider().builtFor();
          Check.that(SpiVersion.CURRENT.accepts(v), "builtFor: %s", SpiVersion.CURRENT.refusal(v));
        });
    list.lifecycle(
        "provider", "probe-is-idempotent", Rule.STRUCTURE, c -> probeTwice(c.provider()));
    list.lifecycle(
        "provider",
        "devices-are-numbered-and-as-probed",
        Rule.STRUCTURE,
        c -> {
          try (Backend backend = c.openBackend()) {
            List<DeviceInfo> devices = backend.devices();
            Check.that(!devices.isEmpty(), "devices: expected at least one, got none");
            for (int i = 0; i < devices.size(); i++) {
              Check.equal("ordinal of device " + i, i, devices.get(i).ordinal());
            }
            Check.equal("names of the devices", names(available(c.provider())), names(devices));
          }
        });
    list.lifecycle("provider", "info-is-sound", Rule.STRUCTURE, Opened.device(d -> info(d.info())));
    list.lifecycle(
        "provider",
        "info-is-the-same-before-and-after-open",
        Rule.STRUCTURE,
        c -> {
          try (Opened opened = Opened.of(c)) {
            DeviceInfo listed = opened.backend.devices().get(c.ordinal());
            DeviceInfo own = opened.device.info();
            Check.equal("name", listed.name(), own.name());
            Check.equal("arch", listed.arch(), own.arch());
            Check.equal("dtypes", listed.dtypes(), own.dtypes());
            Check.equal("caps", listed.caps(), own.caps());
            Check.equal("limits", listed.limits(), own.limits());
          }
        });
    opening(list);
  }

  private static void probeTwice(BackendProvider provider) {
    Check.equal("second probe", names(available(provider)), names(available(provider)));
  }

  private static List<DeviceInfo> available(BackendProvider provider) {
    return switch (provider.probe()) {
      case ProbeResult.Available(List<DeviceInfo> devices) -> devices;
      case ProbeResult.Absent(String why) -> List.of();
      case ProbeResult.Broken(String why, var cause) -> List.of();
    };
  }

  private static List<String> names(List<DeviceInfo> devices) {
    return devices.stream().map(d -> d.ordinal() + " " + d.name() + " " + d.arch()).toList();
  }

  private static void info(DeviceInfo info) {
    Check.that(!info.name().isBlank() && !info.arch().isBlank(), "info: no name or arch: %s", info);
    Check.that(info.memory().totalBytes() > 0, "info: no memory: %s", info.memory());
    Check.that(
        info.memory().freeBytes() <= info.memory().totalBytes(),
        "info: more memory free than there is: %s",
        info.memory());
    Check.that(info.limits().maxAllocationBytes() > 0, "info: no allocation: %s", info.limits());
    int alignment = info.limits().alignmentBytes();
    Check.that(
        alignment >= 1 && Integer.bitCount(alignment) == 1,
        "info: expected an alignment that is a power of two, got %d",
        alignment);
    Set<DType> mandatory = Set.of(DType.F32, DType.I32, DType.I64, DType.U8, DType.BOOL);
    Check.that(
        info.dtypes().containsAll(mandatory),
        "info: expected at least the dtypes %s, got %s",
        mandatory,
        info.dtypes());
  }

  private static void opening(CaseList list) {
    list.lifecycle(
        "provider",
        "unknown-property-is-refused",
        Rule.ERRORS,
        c -> {
          BackendOptions odd = new BackendOptions(0, Map.of("no.such.property", "1"));
          BackendException e =
              Check.failsWith(BackendException.class, "open", () -> c.provider().open(odd).close());
          Check.that(
              String.valueOf(e.getMessage()).contains("no.such.property"),
              "open: expected the property's name in the message, got '%s'",
              e.getMessage());
        });
    for (int ordinal : new int[] {-1, 1 << 20}) {
      list.lifecycle(
          "provider",
          "no-device-" + ordinal,
          Rule.ERRORS,
          c -> {
            try (Backend backend = c.openBackend()) {
              Check.failsWith(
                  Exception.class, "open(" + ordinal + ")", () -> backend.open(ordinal));
            }
          });
    }
    list.lifecycle(
        "provider",
        "one-thread-is-enough",
        Rule.STRUCTURE,
        c -> {
          try (Backend backend = c.provider().open(new BackendOptions(1, Map.of()));
              Device device = backend.open(c.ordinal());
              Rig rig = new Rig(device)) {
            Check.equal("content", 1, rig.download(rig.buffer(new byte[1])).length);
          }
        });
    list.lifecycle(
        "provider",
        "two-backends-at-once",
        Rule.LIFETIME,
        c -> {
          try (Opened first = Opened.of(c);
              Opened second = Opened.of(c);
              Rig rig = new Rig(second.device)) {
            first.device.stats();
            Check.equal("content", 3, rig.download(rig.buffer(new byte[3])).length);
          }
        });
    list.lifecycle(
        "provider",
        "unknown-extension-is-empty",
        Rule.CAPABILITY,
        c -> {
          try (Backend backend = c.openBackend()) {
            Check.that(
                backend.extension(Runnable.class).isEmpty(),
                "extension: expected none of Runnable");
          }
        });
  }
}
