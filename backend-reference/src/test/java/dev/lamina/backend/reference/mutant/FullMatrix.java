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

/**
 * Every mutant against every case up to L2 with every seed, and the published score; or, which is
 * quicker by an hour, up to the first case that sees it.
 *
 * <p>A case that never runs the kernel in which a mutant sits cannot see it. So a first pass notes
 * which ops each case reaches, and a mutant runs those cases only; the rest of the matrix is known.
 */
final class FullMatrix {
  private final MutationGate gate = new MutationGate();
  private final Map<String, Set<String>> reached = new HashMap<>();
  private final PrintStream err;

  private final boolean quick;

  private FullMatrix(PrintStream err, boolean quick) {
    this.err = err;
    this.quick = quick;
  }

  /**
   * How a mutant fared.
   *
   * @param mutant the bug
   * @param meant cases meant to see it, a seed
   * @param firsts the first of these that did, a seed; empty if none did
   * @param seen how many of these did, all seeds together
   * @param others how many other cases did, all seeds together
   */
  record Row(Mutant mutant, int meant, List<String> firsts, int seen, int others) {
    boolean survives() {
      return firsts.stream().anyMatch(String::isEmpty);
    }
  }

  /**
   * Runs the matrix and writes the score.
   *
   * @param args the file to write, and {@code --quick} to end each run at the first case that fails
   */
  public static void main(String[] args) throws IOException, InterruptedException {
    Path file = Path.of(args[0]);
    boolean quick = args.length > 1 && args[1].equals("--quick");
    FullMatrix matrix = new FullMatrix(System.err, quick);
    List<Row> rows = matrix.run();
    int numCases = matrix.gate.cases(MutationGate.SEEDS.getFirst()).size();
    Files.writeString(file, new ScorePage(rows, numCases, quick).text());
    long survivors = rows.stream().filter(Row::survives).count();
    System.out.printf(
        "mutants: %d killed / %d survived / %d pending; %s%n",
        rows.size() - survivors, survivors, PendingMutants.all().size(), file);
    System.exit(survivors == 0 ? 0 : 1);
  }

  private List<Row> run() throws InterruptedException {
    if (!quick) {
      findReached();
    }
    List<Callable<Row>> work = new ArrayList<>();
    for (Mutant mutant : Mutants.all()) {
      work.add(() -> quick ? quickRow(mutant) : row(mutant));
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

  private Row quickRow(Mutant mutant) {
    List<String> firsts = gate.hunt(mutant).stream().map(FullMatrix::first).toList();
    return new Row(
        mutant, gate.meantFor(mutant, MutationGate.SEEDS.getFirst()).size(), firsts, 0, 0);
  }

  private static String first(List<MutationGate.Kill> kills) {
    return kills.isEmpty() ? "" : kills.getFirst().id();
  }

  private Row row(Mutant mutant) {
    int meant = 0;
    int seen = 0;
    int others = 0;
    List<String> firsts = new ArrayList<>();
    for (long seed : MutationGate.SEEDS) {
      List<Case> possible = gate.cases(seed).stream().filter(c -> reaches(mutant, c.id())).toList();
      meant = gate.meantFor(mutant, seed).size();
      List<MutationGate.Kill> kills =
          MutationGate.run(new MutantBackend(mutant), possible, Integer.MAX_VALUE);
      List<MutationGate.Kill> intended =
          kills.stream().filter(k -> mutant.isMeantFor(CaseId.parse(k.id()))).toList();
      firsts.add(first(intended));
      seen += intended.size();
      others += kills.size() - intended.size();
    }
    return new Row(mutant, meant, firsts, seen, others);
  }

  private boolean reaches(Mutant mutant, CaseId id) {
    Set<String> ops = reached.getOrDefault(name(id), Set.of());
    return switch (mutant.fault()) {
      case Fault.OfOp<?> f -> ops.contains(f.mnemonic());
      case Fault.OfExpression f -> ops.contains(MutantBackend.ELEMENTWISE);
      case Fault.OfDevice f -> true;
      case Fault.None f -> false;
    };
  }
}
