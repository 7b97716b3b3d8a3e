package dev.lamina.conformance.fuzz;

import dev.lamina.conformance.CheckFailedException;
import dev.lamina.conformance.Context;
import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.Cap;
import dev.lamina.spi.Device;
import dev.lamina.spi.DeviceStats;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Runs random programs on a device of its own; a program that fails is made small first. */
public final class Fuzzer {
  private static final Duration PATIENCE = Duration.ofSeconds(10);
  private static final Duration IMPATIENCE = Duration.ofSeconds(2);
  private static final long SHRINKING = TimeUnit.SECONDS.toNanos(40);

  private final Context context;
  private final long seed;
  private final int length;

  /**
   * Makes a fuzzer.
   *
   * @param context the backend under test
   * @param seed of the first program; the next ones count on from it
   * @param length steps of a program
   */
  public Fuzzer(Context context, long seed, int length) {
    this.context = context;
    this.seed = seed;
    this.length = length;
  }

  /**
   * Runs programs.
   *
   * @param programs how many
   * @throws CheckFailedException for the first that fails, with its seed and the shrunk program
   * @throws Exception if the device can't be opened or closed
   */
  public void run(int programs) throws Exception {
    Backend backend = context.openBackend();
    Device device = backend.open(context.ordinal());
    Programs compiled = new Programs(device);
    for (int i = 0; i < programs; i++) {
      List<Step> steps = steps(seed + i, device.info().caps().contains(Cap.CAPTURE));
      CheckFailedException failure = attempt(device, compiled, steps, PATIENCE);
      if (failure != null) {
        // The device may be left with work that never ends, so it is left behind.
        throw shrunk(seed + i, steps, failure);
      }
    }
    compiled.close();
    DeviceStats left = device.stats();
    if (left.liveObjects() != 0 || left.liveBytes() != 0) {
      throw new CheckFailedException(
          "stats after %d programs: expected nothing alive, got %d objects and %d bytes"
              .formatted(programs, left.liveObjects(), left.liveBytes()));
    }
    device.close();
    backend.close();
  }

  private List<Step> steps(long of, boolean capture) {
    List<Step> steps = Step.program(new Random(of), length);
    return capture ? steps : steps.stream().filter(s -> s.kind() != Step.Kind.RECORD).toList();
  }

  /** Runs a program; null if all is right. */
  private static @Nullable CheckFailedException attempt(
      Device device, Programs compiled, List<Step> steps, Duration patience)
      throws BackendException {
    long before = device.stats().liveObjects();
    Execution execution = new Execution(device, compiled, patience);
    try {
      execution.run(Planner.plan(steps));
    } catch (CheckFailedException e) {
      execution.abandon();
      return e;
    }
    execution.close();
    long left = device.stats().liveObjects() - before;
    return left == 0
        ? null
        : new CheckFailedException(
            "stats: expected as many live objects as before, got %+d".formatted(left));
  }

  private CheckFailedException shrunk(long of, List<Step> steps, CheckFailedException first)
      throws Exception {
    CheckFailedException[] last = {first};
    List<Step> small =
        new Shrinker(
                shorter -> {
                  CheckFailedException e = freshly(shorter);
                  last[0] = e == null ? last[0] : e;
                  return e != null;
                },
                SHRINKING)
            .shrink(steps);
    String calls =
        Planner.plan(small).stream().map(Action::toString).collect(Collectors.joining("; "));
    return new CheckFailedException(
        "program of seed %d: %s; shrunk from %d to %d steps: %s"
            .formatted(of, last[0].getMessage(), steps.size(), small.size(), calls),
        Double.NaN,
        last[0]);
  }

  /** On a device of its own, which is closed only if all is right. */
  private @Nullable CheckFailedException freshly(List<Step> steps) throws Exception {
    Backend backend = context.openBackend();
    Device device = backend.open(context.ordinal());
    Programs compiled = new Programs(device);
    CheckFailedException e = attempt(device, compiled, steps, IMPATIENCE);
    if (e == null) {
      compiled.close();
      device.close();
      backend.close();
    }
    return e;
  }
}
