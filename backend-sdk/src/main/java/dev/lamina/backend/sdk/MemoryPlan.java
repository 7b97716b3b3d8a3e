package dev.lamina.backend.sdk;

import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/**
 * Offsets of a plan's blocks in its workspace: no two blocks that are needed at one step overlap.
 *
 * <p>Blocks are placed from the largest to the smallest, each in the tightest gap that fits among
 * those needed at the same steps. Source: greedy by size, arXiv:2001.03288.
 */
final class MemoryPlan {
  /** Every block starts at a multiple of this many bytes: a cache line, the widest vector. */
  static final int ALIGNMENT = 64;

  private final long[] offsets;
  private final long bytes;
  private final Map<LoopPlan, MemoryPlan> bodies;

  private MemoryPlan(long[] offsets, long bytes, Map<LoopPlan, MemoryPlan> bodies) {
    this.offsets = offsets;
    this.bytes = bytes;
    this.bodies = bodies;
  }

  private record Block(int index, long bytes, int first, int last) {}

  static MemoryPlan of(Plan plan, long[] dims) {
    Map<LoopPlan, MemoryPlan> bodies = new IdentityHashMap<>();
    Map<Storage, MemoryPlan> nested = new IdentityHashMap<>();
    for (Step step : plan.steps()) {
      LoopPlan loop = step.loop();
      if (loop != null) {
        MemoryPlan body = of(loop.body(), dims);
        bodies.put(loop, body);
        nested.put(loop.workspace(), body);
      }
    }
    List<Block> blocks = new ArrayList<>();
    for (int i = 0; i < plan.blocks().size(); i++) {
      Storage s = plan.blocks().get(i);
      MemoryPlan body = nested.get(s);
      long size = body == null ? s.bytes(dims) : body.bytes;
      blocks.add(new Block(i, align(size), s.first(), s.last()));
    }
    long[] offsets = new long[blocks.size()];
    return new MemoryPlan(offsets, place(blocks, offsets), bodies);
  }

  private static long align(long bytes) {
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }

  private static long place(List<Block> blocks, long[] offsets) {
    List<Block> order = new ArrayList<>(blocks);
    order.sort((a, b) -> Long.compare(b.bytes(), a.bytes()));
    List<Block> placed = new ArrayList<>();
    long end = 0;
    for (Block b : order) {
      long at = gap(b, placed, offsets);
      offsets[b.index()] = at;
      end = Math.max(end, at + b.bytes());
      int i = 0;
      while (i < placed.size() && offsets[placed.get(i).index()] < at) {
        i++;
      }
      placed.add(i, b);
    }
    return end;
  }

  /** Start of the smallest gap for a block among those placed (by offset) that live beside it. */
  private static long gap(Block b, List<Block> placed, long[] offsets) {
    long best = -1;
    long bestSize = Long.MAX_VALUE;
    long free = 0;
    for (Block p : placed) {
      if (p.last() < b.first() || p.first() > b.last()) {
        continue;
      }
      long size = offsets[p.index()] - free;
      if (size >= b.bytes() && size < bestSize) {
        best = free;
        bestSize = size;
      }
      free = Math.max(free, offsets[p.index()] + p.bytes());
    }
    return best >= 0 ? best : free;
  }

  /** Byte offset of a block. */
  long offset(int block) {
    return offsets[block];
  }

  /** Size of the workspace. */
  long bytes() {
    return bytes;
  }

  /** Offsets within the workspace of a loop's body. */
  MemoryPlan body(LoopPlan loop) {
    MemoryPlan body = bodies.get(loop);
    if (body == null) {
      throw new AssertionError("loop of another plan");
    }
    return body;
  }
}
