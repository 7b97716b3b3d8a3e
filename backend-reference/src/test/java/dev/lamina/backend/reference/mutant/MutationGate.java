package dev.lamina.backend.reference.mutant;

import dev.lamina.conformance.Case;
import dev.lamina.conformance.CaseCatalog;
import dev.lamina.conformance.Context;
import dev.lamina.conformance.Level;
import dev.lamina.spi.BackendOptions;
import dev.lamina.spi.BackendProvider;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;

/** Asks the kit whether it sees a bug. */
final class MutationGate {
  /** Each bug must be seen with each of these. */
  static final List<Long> SEEDS = List.of(1L, 2L, 3L);

  private final Map<Long, List<Case>> cases = new HashMap<>();
  private final Map<String, String> published;
  private final Map<String, List<Kill>> rightly = new ConcurrentHashMap<>();

  /** A gate that asks in the order of the catalog. */
  MutationGate() {
    this(Map.of());
  }

  /**
   * A gate that asks first what saw a mutant before.
   *
   * @param published id of a case by the name of the mutant it saw; without an entry, or if it no
   *     longer sees it, all cases meant for the mutant are asked
   */
  MutationGate(Map<String, String> published) {
    this.published = Map.copyOf(published);
    for (long seed : SEEDS) {
      cases.put(seed, CaseCatalog.of(seed).cases().stream().filter(MutationGate::isAsked).toList());
    }
  }

  /**
   * A case that failed.
   *
   * @param id of the case
   * @param why its message
   */
  record Kill(String id, String why) {}

  /** Cases up to L2, and those of L3 that need memory but little time. */
  private static boolean isAsked(Case c) {
    return Level.L2.includes(c.level()) || c.id().op().equals("far");
  }

  /** All cases that mutants are run on. */
  List<Case> cases(long seed) {
    return List.copyOf(cases.getOrDefault(seed, List.of()));
  }

  /** The cases that are meant to see a mutant. */
  List<Case> meantFor(Mutant mutant, long seed) {
    return cases(seed).stream().filter(c -> mutant.isMeantFor(c.id())).toList();
  }

  /** The first failure among the cases meant for a mutant, a list a seed, empty if none failed. */
  List<List<Kill>> hunt(Mutant mutant) {
    return hunt(mutant, SEEDS);
  }

  /**
   * The same for some seeds. A changed SDK is loaded anew and runs cold, which takes seconds: the
   * build asks one seed of it.
   *
   * @throws AssertionError if the same backend without the bug fails the case too
   */
  List<List<Kill>> hunt(Mutant mutant, List<Long> seeds) {
    List<List<Kill>> found = new ArrayList<>();
    String last = withoutSeed(published.getOrDefault(mutant.name(), "/"));
    for (long seed : seeds) {
      // What saw it with the last seed is asked first.
      String hint = last;
      List<Case> order = new ArrayList<>(meantFor(mutant, seed));
      order.sort(Comparator.comparing(c -> !withoutSeed(c.id().toString()).equals(hint)));
      List<Kill> kills = run(new MutantBackend(mutant), order, 1);
      for (Kill kill : kills) {
        last = withoutSeed(kill.id());
        requireRight(mutant, kill, order);
      }
      found.add(kills);
    }
    return found;
  }

  /** A failure shows the bug only if what is the same but for the bug passes. */
  void requireRight(Mutant mutant, Kill kill, List<Case> cases) {
    BackendProvider right = MutantBackend.right(mutant.fault());
    String key = mutant.fault().getClass().getSimpleName() + " " + kill.id();
    List<Kill> own =
        rightly.computeIfAbsent(
            key,
            k -> {
              List<Case> same =
                  cases.stream().filter(c -> c.id().toString().equals(kill.id())).toList();
              return run(right, same, 1);
            });
    if (!own.isEmpty()) {
      throw new AssertionError("without the bug of " + mutant.name() + " fails " + own);
    }
  }

  private static String withoutSeed(String id) {
    return id.substring(0, id.lastIndexOf('/'));
  }

  /** Runs cases in order until so many have failed. */
  static List<Kill> run(BackendProvider backend, List<Case> cases, int enough) {
    return run(new Context(backend, 0, BackendOptions.DEFAULT), cases, enough);
  }

  /** Runs cases on an open context until so many have failed. */
  static List<Kill> run(Context first, List<Case> cases, int enough) {
    List<Kill> kills = new ArrayList<>();
    Context context = first;
    for (Case c : cases) {
      try {
        c.run(context);
      } catch (Exception | AssertionError e) {
        kills.add(new Kill(c.id().toString(), String.valueOf(e.getMessage())));
        if (kills.size() >= enough) {
          break;
        }
        // What a failed case left open must not fail the next one.
        context = new Context(first.provider(), 0, BackendOptions.DEFAULT);
      }
    }
    return kills;
  }

  /** Does independent work on all processors; gives the results in order. */
  static <T> List<T> inParallel(List<Callable<T>> work, Consumer<T> each)
      throws InterruptedException {
    int threads = Runtime.getRuntime().availableProcessors();
    try (ExecutorService pool = Executors.newFixedThreadPool(threads)) {
      List<Future<T>> futures = work.stream().map(pool::submit).toList();
      List<T> results = new ArrayList<>();
      for (Future<T> f : futures) {
        T result = f.get();
        each.accept(result);
        results.add(result);
      }
      return results;
    } catch (ExecutionException e) {
      throw new AssertionError("gate: " + e.getCause(), e);
    }
  }
}
