package dev.lamina.backend.sdk;

import dev.lamina.spi.Lowering;
import dev.lamina.spi.OpSpec;
import dev.lamina.spi.Support;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Counts nodes that run alike; written out only when somebody asks, as most starts never do. */
final class LoweringReport {
  private record Key(OpSpec spec, String kernel, Support support) {}

  private final Map<Key, Integer> counts = new LinkedHashMap<>();

  void count(OpSpec spec, String kernel, Support support) {
    counts.merge(new Key(spec, kernel, support), 1, Integer::sum);
  }

  List<Lowering> list() {
    List<Lowering> all = new ArrayList<>();
    counts.forEach(
        (k, count) -> all.add(new Lowering(k.spec.toString(), k.kernel, k.support, count)));
    return List.copyOf(all);
  }
}
