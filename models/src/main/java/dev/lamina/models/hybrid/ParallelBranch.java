package dev.lamina.models.hybrid;

import dev.lamina.models.KvGroup;
import dev.lamina.models.Layers;
import dev.lamina.models.RecurrentLayers;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.Value;
import java.util.List;

/**
 * Branches side by side, their outputs summed.
 *
 * @param parts the branches
 */
public record ParallelBranch(List<Part> parts) implements Branch {
  /** Copies the list. */
  public ParallelBranch {
    parts = List.copyOf(parts);
  }

  /**
   * One of them.
   *
   * @param name of its module, below that of all
   * @param branch what it does
   * @param width of what its {@link Branch#mix} gives
   * @param inScale factor on its input
   * @param outScale factor on its output
   */
  public record Part(String name, Branch branch, int width, double inScale, double outScale) {}

  @Override
  public Value mix(Layers l, Value x, String module) throws ModelException {
    Value[] mixed = new Value[parts.size()];
    for (int i = 0; i < mixed.length; i++) {
      Part p = parts.get(i);
      mixed[i] = p.branch.mix(l, l.scale(x, p.inScale), module + "." + p.name);
    }
    return l.graph().concat(1, mixed);
  }

  @Override
  public Value project(Layers l, Value mixed, String module, int hiddenSize) throws ModelException {
    long[] widths = parts.stream().mapToLong(Part::width).toArray();
    Value[] each = RecurrentLayers.split(l.graph(), mixed, widths);
    Value sum = null;
    for (int i = 0; i < each.length; i++) {
      Part p = parts.get(i);
      Value out = p.branch.project(l, each[i], module + "." + p.name, hiddenSize);
      out = l.scale(out, p.outScale);
      sum = sum == null ? out : l.add(sum, out);
    }
    return java.util.Objects.requireNonNull(sum, "at least one part");
  }

  @Override
  public boolean mixes() {
    return parts.stream().anyMatch(p -> p.branch.mixes());
  }

  @Override
  public List<KvGroup.LayerKv> kv() {
    return parts.stream().flatMap(p -> p.branch.kv().stream()).toList();
  }

  @Override
  public long reach() {
    long farthest = 0;
    for (Part p : parts) {
      if (!p.branch.kv().isEmpty() && p.branch.reach() == 0) {
        return 0;
      }
      farthest = Math.max(farthest, p.branch.reach());
    }
    return farthest;
  }

  @Override
  public List<StateSpec.Entry> state() {
    return parts.stream().flatMap(p -> p.branch.state().stream()).toList();
  }
}
