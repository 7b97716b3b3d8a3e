package dev.lamina.backend.reference.mutant;

import dev.lamina.conformance.Case;
import dev.lamina.conformance.CaseCatalog;
import dev.lamina.conformance.Context;
import dev.lamina.conformance.Level;
import dev.lamina.spi.BackendOptions;
import dev.lamina.spi.BackendProvider;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** Asks the kit whether it sees a bug. */
final class MutationGate {
  /** Each bug must be seen with each of these. */
  static final List<Long> SEEDS = List.of(1L, 2L, 3L);

  private final Map<Long, Map<String, Case>> cases = new HashMap<>();
  private final Map<String, List<String>> published;
  private final Map<String, List<Kill>> rightly = new ConcurrentHashMap<>();

  /** A gate that asks in the order of the catalog. */
  MutationGate() {
    this(Map.of());
  }

  /**
   * A gate that asks first what saw a mutant before.
   *
   * @param published by the name of a mutant, ids without seed of the cases that saw it, a seed
   *     each; without an entry, or if they no longer see it, all cases meant for it are asked
   */
  MutationGate(Map<String, List<String>> published) {
    this.published = Map.copyOf(published);
    for (long seed : SEEDS) {
      Map<String, Case> byId = new LinkedHashMap<>();
      for (Case c : CaseCatalog.of(seed).cases()) {
        if (isAsked(c)) {
          byId.put(c.id().toString(), c);
        }
      }
      cases.put(seed, byId);
    }
  }

  /**
   * A case that failed.
   *
   * @param by the case
   * @param why its message
   */
  record Kill(Case by, String why) {
    String id() {
      return by.id().toString();
    }

    @Override
    public String toString() {
      return id() + ": " + why;
    }
  }

  /** Cases up to L2, and those of L3 that need memory but little time. */
  private static boolean isAsked(Case c) {
    return Level.L2.includes(c.level()) || c.id().op().equals("far");
  }

  /** All cases that mutants are run on. */
  List<Case> cases(long seed) {
    return List.copyOf(of(seed).values());
  }

  private Map<String, Case> of(long seed) {
    return cases.getOrDefault(seed, Map.of());
  }

  /** The cases that are meant to see a mutant. */
  List<Case> meantFor(Mutant mutant, long seed) {
    Predicate<String> isMeant = mutant.isMeantFor();
    List<Case> meant = new ArrayList<>();
    of(seed)
        .forEach((id, c) -> {
          if (isMeant.test(id)) {
            meant.add(c);
          }
        });
    return meant;
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
    List<String> before = published.getOrDefault(mutant.name(), List.of());
    String last = "";
    for (long seed : seeds) {
      int i = SEEDS.indexOf(seed);
      String known = i < before.size() ? before.get(i) : "";
      List<Kill> kills =
          run(mutant, new MutantBackend(mutant), order(mutant, seed, List.of(known, last)));
      for (Kill kill : kills) {
        last = withoutSeed(kill.id());
        requireRight(mutant, kill);
      }
      found.add(kills);
    }
    return found;
  }

  /**
   * The cases meant for a mutant, these first. The rest is found only if they do not see it, as
   * trying every id takes longer than most cases.
   */
  private Iterable<Case> order(Mutant mutant, long seed, List<String> likely) {
    Predicate<String> isMeant = mutant.isMeantFor();
    List<Case> first = new ArrayList<>();
    for (String id : new LinkedHashSet<>(likely)) {
      Case c = of(seed).get(id + "/s" + seed);
      if (c != null && isMeant.test(c.id().toString())) {
        first.add(c);
      }
    }
    return () ->
        Stream.concat(
                first.stream(),
                Stream.of(mutant)
                    .flatMap(m -> meantFor(m, seed).stream())
                    .filter(c -> !first.contains(c)))
            .iterator();
  }

  /** A failure shows the bug only if what is the same but for the bug passes. */
  void requireRight(Mutant mutant, Kill kill) {
    BackendProvider right = MutantBackend.right(mutant.fault());
    String form = mutant.fault() instanceof Fault.OfCode f ? f.form().name() : "";
    String key = right.id() + mutant.fault().getClass().getSimpleName() + form + " " + kill.id();
    List<Kill> own = rightly.computeIfAbsent(key, k -> run(mutant, right, List.of(kill.by())));
    if (!own.isEmpty()) {
      throw new AssertionError("without the bug of " + mutant.name() + " fails " + own);
    }
  }

  /** The same case of every seed. */
  static String withoutSeed(String id) {
    return id.substring(0, id.lastIndexOf('/'));
  }

  /**
   * Runs cases in order until one has failed. A kernel's bug leaves a device that can be closed,
   * and that must be: its threads would go on. A bug of queues or memory may make that wait
   * forever.
   */
  private static List<Kill> run(Mutant mutant, BackendProvider backend, Iterable<Case> cases) {
    if (mutant.fault() instanceof Fault.OfCode f && ChangedCode.isOfCpuVector(f.change())) {
      try (Context context = new Context(backend, 0, BackendOptions.DEFAULT)) {
        return run(context, cases, 1);
      }
    }
    return run(backend, cases, 1);
  }

  /** Runs cases in order until so many have failed. */
  static List<Kill> run(BackendProvider backend, Iterable<Case> cases, int enough) {
    return run(new Context(backend, 0, BackendOptions.DEFAULT), cases, enough);
  }

  /** Runs cases on an open context until so many have failed. */
  static List<Kill> run(Context first, Iterable<Case> cases, int enough) {
    List<Kill> kills = new ArrayList<>();
    Context context = first;
    for (Case c : cases) {
      try {
        c.run(context);
      } catch (Exception | AssertionError e) {
        kills.add(new Kill(c, String.valueOf(e.getMessage())));
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
