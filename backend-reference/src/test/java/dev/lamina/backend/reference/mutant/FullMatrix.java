package dev.lamina.backend.reference.mutant;

import dev.lamina.conformance.Case;
import dev.lamina.conformance.CaseId;
import dev.lamina.conformance.Context;
import dev.lamina.spi.BackendOptions;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Predicate;

/**
 * The published score: for every mutant the first case that sees it with each seed, then, which
 * takes hours, all cases that do, or a sample of them.
 *
 * <p>A case that never runs the kernel in which a mutant sits cannot see it. So a first pass notes
 * which ops each case reaches, and a mutant runs those cases only; the rest of the matrix is known.
 */
final class FullMatrix {
  private final MutationGate gate;
  private final Map<String, Set<String>> reached = new HashMap<>();
  private final PrintStream err;
  private final int every;

  private FullMatrix(MutationGate gate, PrintStream err, int every) {
    this.gate = gate;
    this.err = err;
    this.every = every;
  }

  /**
   * Cases that were run and those of them that failed, all seeds together.
   *
   * @param seen failed
   * @param asked ran
   */
  record Share(int seen, int asked) {
    Share plus(Share other) {
      return new Share(seen + other.seen, asked + other.asked);
    }
  }

  /**
   * How a mutant fared.
   *
   * @param mutant the bug
   * @param firsts the first of these that did, a seed; empty if none did
   * @param intended of those in the matrix that are meant to see it
   * @param others of the others
   */
  record Row(Mutant mutant, List<String> firsts, Share intended, Share others) {
    boolean survives() {
      return firsts.stream().anyMatch(String::isEmpty);
    }
  }

  /**
   * Writes the score.
   *
   * @param args one case in how many the matrix has, 0 for none; the file to write
   */
  public static void main(String[] args) throws IOException, InterruptedException {
    int every = Integer.parseInt(args[0]);
    Path file = Path.of(args[1]);
    FullMatrix matrix = new FullMatrix(new MutationGate(ScorePage.read(file)), System.err, every);
    List<Row> rows = matrix.run();
    int numCases = matrix.gate.cases(MutationGate.SEEDS.getFirst()).size();
    Files.writeString(file, new ScorePage(rows, numCases, every).text());
    long survivors = rows.stream().filter(Row::survives).count();
    System.out.printf(
        "mutants: %d killed / %d survived / %d pending; %s%n",
        rows.size() - survivors, survivors, PendingMutants.all().size(), file);
    System.exit(survivors == 0 ? 0 : 1);
  }

  private List<Row> run() throws InterruptedException {
    if (every > 0) {
      findReached();
    }
    List<Callable<Row>> work = new ArrayList<>();
    for (Mutant mutant : Mutants.all()) {
      int first = work.size();
      work.add(() -> row(mutant, first));
    }
    return MutationGate.inParallel(
        work,
        row ->
            err.println(
                (row.survives() ? "SURVIVES " : "killed ")
                    + row.mutant().name()
                    + " "
                    + row.firsts().getFirst()));
  }

  /** Which ops a case reaches does not depend on the seed. */
  private void findReached() {
    Set<String> touched = ConcurrentHashMap.newKeySet();
    MutantBackend backend = new MutantBackend(Mutant.NONE, touched::add);
    Context context = new Context(backend, 0, BackendOptions.DEFAULT);
    for (Case c : gate.cases(MutationGate.SEEDS.getFirst())) {
      touched.clear();
      List<MutationGate.Kill> kills = MutationGate.run(context, List.of(c), 1);
      if (!kills.isEmpty()) {
        throw new AssertionError("the backend without a bug fails " + kills.getFirst());
      }
      reached.put(name(c.id()), Set.copyOf(touched));
    }
  }

  private static String name(CaseId id) {
    return new CaseId(id.op(), id.version(), id.dtype(), id.shape(), id.attrs(), 0).toString();
  }

  private static String first(List<MutationGate.Kill> kills) {
    return kills.isEmpty() ? "" : kills.getFirst().id();
  }

  private Row row(Mutant mutant, int offset) {
    List<String> firsts = gate.hunt(mutant).stream().map(FullMatrix::first).toList();
    Predicate<String> isMeant = mutant.isMeantFor();
    int[] asked = new int[2];
    int[] seen = new int[2];
    for (long seed : every == 0 ? List.<Long>of() : MutationGate.SEEDS) {
      List<Case> cases = new ArrayList<>();
      int at = offset;
      for (Case c : gate.cases(seed)) {
        if (reaches(mutant, isMeant, c.id()) && at++ % every == 0) {
          cases.add(c);
          asked[isMeant.test(c.id().toString()) ? 0 : 1]++;
        }
      }
      for (MutationGate.Kill k :
          MutationGate.run(new MutantBackend(mutant), cases, Integer.MAX_VALUE)) {
        seen[isMeant.test(k.id()) ? 0 : 1]++;
      }
    }
    return new Row(mutant, firsts, new Share(seen[0], asked[0]), new Share(seen[1], asked[1]));
  }

  private boolean reaches(Mutant mutant, Predicate<String> isMeant, CaseId id) {
    if (id.op().equals("far")) {
      return isMeant.test(id.toString());
    }
    Set<String> ops = reached.getOrDefault(name(id), Set.of());
    return switch (mutant.fault()) {
      case Fault.OfOp<?> f -> ops.contains(f.mnemonic());
      case Fault.OfExpression f -> ops.contains(MutantBackend.ELEMENTWISE);
      case Fault.OfDevice f -> true;
      // Decompositions run nothing else, and all of the matrix would be hours for each.
      case Fault.OfCode f -> isMeant.test(id.toString());
      case Fault.None f -> false;
    };
  }
}
