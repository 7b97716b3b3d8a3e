package dev.lamina.conformance.cases;

import dev.lamina.conformance.Level;
import dev.lamina.conformance.Outcome;
import dev.lamina.conformance.Rule;
import dev.lamina.conformance.fuzz.Fuzzer;

/** Random programs against a sequential model: a few at L0, many and longer ones at L3. */
final class FuzzCases {
  private FuzzCases() {}

  static void addShortTo(CaseList list) {
    add(list, Level.L0, "programs=60,steps=100", 60, 100);
  }

  static void addLongTo(CaseList list) {
    for (int batch = 0; batch < 10; batch++) {
      add(list, Level.L3, "programs=200,steps=120,batch=" + batch, 200, 120);
    }
    add(list, Level.L3, "programs=20,steps=2000", 20, 2000);
  }

  private static void add(CaseList list, Level level, String attrs, int programs, int length) {
    list.seeded(
        level,
        "fuzz",
        "-",
        "-",
        attrs,
        Rule.ORDER,
        (context, seed) -> {
          new Fuzzer(context, seed, length).run(programs);
          return Outcome.EXACT;
        });
  }
}
