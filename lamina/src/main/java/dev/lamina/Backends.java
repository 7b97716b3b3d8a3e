package dev.lamina;

import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.BackendOptions;
import dev.lamina.spi.BackendProvider;
import dev.lamina.spi.ProbeResult;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import org.jspecify.annotations.Nullable;

/** Finds backends by ServiceLoader and picks one. */
public final class Backends {
  private static final System.Logger LOG = System.getLogger(Backends.class.getName());

  private Backends() {}

  /**
   * A backend found.
   *
   * @param provider its door
   * @param probe what it found on this machine
   */
  public record Found(BackendProvider provider, ProbeResult probe) {
    /** Whether it can be opened. */
    public boolean isAvailable() {
      return probe instanceof ProbeResult.Available;
    }

    /** Why it can't be opened, empty if it can. */
    public String why() {
      return switch (probe) {
        case ProbeResult.Available a -> "";
        case ProbeResult.Absent a -> a.why();
        case ProbeResult.Broken b -> b.why();
      };
    }
  }

  /**
   * A device that was picked.
   *
   * @param found its backend
   * @param ordinal the device's index
   * @param announcement one line: what was picked, what was not and why, which flag changes it
   */
  public record Choice(Found found, int ordinal, String announcement) {
    /** Id and ordinal as users write them. */
    public String id() {
      return found.provider().id() + ":" + ordinal;
    }

    /**
     * Opens the backend.
     *
     * @throws LaminaException with the backend's own words
     */
    public Backend open(BackendOptions options) {
      try {
        return found.provider().open(options);
      } catch (BackendException e) {
        throw new LaminaException("backend " + id() + ": " + e.getMessage(), e);
      }
    }
  }

  /**
   * Every backend on the module and class path, probed, most preferred first.
   *
   * @throws LaminaException if one does not load, naming it
   */
  public static List<Found> all() {
    List<Found> found = new ArrayList<>();
    for (BackendProvider provider : providers()) {
      found.add(new Found(provider, ProbeResult.of(provider)));
    }
    found.sort((a, b) -> Integer.compare(b.provider().preference(), a.provider().preference()));
    return found;
  }

  private static List<BackendProvider> providers() {
    try {
      return ServiceLoader.load(BackendProvider.class).stream()
          .map(ServiceLoader.Provider::get)
          .toList();
    } catch (ServiceConfigurationError | LinkageError e) {
      throw new LaminaException(
          "backends: one does not load: %s; rebuild it against this Lamina's lamina-bom, or take its jar away"
              .formatted(words(e)),
          e);
    }
  }

  private static String words(Error e) {
    String words =
        e instanceof ServiceConfigurationError ? String.valueOf(e.getMessage()) : e.toString();
    return e.getCause() == null ? words : words + " (" + e.getCause() + ")";
  }

  /**
   * Picks a device. Where one is named no other backend is probed.
   *
   * @param named {@code ID} or {@code ID:N}, or null for the most preferred available one
   * @throws LaminaException if there is none, naming what there is
   */
  public static Choice choose(@Nullable String named) {
    if (named != null) {
      return named(named, providers());
    }
    List<Found> all = all();
    return best(all, found -> selfCheck(found, all));
  }

  /** Why a backend's first device is not trusted, or nothing. */
  interface Vetting {
    Optional<String> failure(Found found);
  }

  /**
   * What the self-check of a backend's first device gave, now or earlier. Fallbacks are not
   * checked.
   *
   * @param found available
   * @param all with the reference among them
   * @return why it fails, or nothing
   */
  public static Optional<String> selfCheck(Found found, List<Found> all) {
    BackendProvider provider = found.provider();
    if (provider.preference() <= 0 || !(found.probe() instanceof ProbeResult.Available available)) {
      return Optional.empty();
    }
    Optional<BackendProvider> reference =
        all.stream()
            .filter(f -> f.isAvailable() && f.provider().id().equals("reference"))
            .map(Found::provider)
            .findFirst();
    if (reference.isEmpty()) {
      LOG.log(System.Logger.Level.INFO, "self-check: not run, the reference backend is not here");
      return Optional.empty();
    }
    Verdicts verdicts = Verdicts.ofUser(System.getenv(), Path.of(System.getProperty("user.home")));
    return verdicts.failure(
        provider,
        available.devices().getFirst(),
        () -> SelfCheck.failure(provider, 0, reference.get()));
  }

  static Choice named(String named, List<BackendProvider> providers) {
    String id = named.contains(":") ? named.substring(0, named.indexOf(':')) : named;
    int ordinal = ordinal(named, id);
    BackendProvider provider =
        providers.stream()
            .filter(p -> p.id().equals(id))
            .findFirst()
            .orElseThrow(() ->
                new LaminaException(
                    "backend: expected one of %s, got '%s'"
                        .formatted(
                            providers.stream().map(BackendProvider::id).sorted().toList(), id)));
    Found found = new Found(provider, ProbeResult.of(provider));
    if (!(found.probe() instanceof ProbeResult.Available available)) {
      throw new LaminaException(
          "backend " + id + " cannot be used: " + found.why() + "; `lamina backends` lists all");
    }
    if (ordinal >= available.devices().size()) {
      throw new LaminaException(
          "backend %s: expected a device of 0..%d, got %d"
              .formatted(id, available.devices().size() - 1, ordinal));
    }
    String device = available.devices().get(ordinal).name();
    return new Choice(found, ordinal, "backend " + id + ":" + ordinal + " (" + device + ")");
  }

  private static int ordinal(String named, String id) {
    if (named.length() == id.length()) {
      return 0;
    }
    String number = named.substring(id.length() + 1);
    if (!number.matches("\\d{1,4}")) {
      throw new LaminaException("backend: expected ID or ID:N, got '" + named + "'");
    }
    return Integer.parseInt(number);
  }

  static Choice best(List<Found> all, Vetting vetting) {
    List<String> passed = new ArrayList<>();
    // What is not installed is nobody's news; what is there and does not work is.
    List<String> broken = new ArrayList<>();
    for (Found f : all) {
      if (f.provider().preference() < 0) {
        continue;
      }
      Optional<String> failure = vetting.failure(f);
      if (failure.isEmpty() && f.probe() instanceof ProbeResult.Available available) {
        String line =
            "backend %s:0 (%s)%s; --backend picks another"
                .formatted(
                    f.provider().id(),
                    available.devices().getFirst().name(),
                    broken.isEmpty() ? "" : ", not " + String.join(", not ", broken));
        return new Choice(f, 0, line);
      }
      String why = failure.map("failed its self-check: "::concat).orElse(f.why());
      String reason = f.provider().id() + " (" + why + ")";
      passed.add(reason);
      if (failure.isPresent() || f.probe() instanceof ProbeResult.Broken) {
        broken.add(reason);
      }
    }
    throw new LaminaException(
        "backend: expected at least one that can be used, found "
            + (passed.isEmpty() ? "none" : String.join(", ", passed)));
  }
}
