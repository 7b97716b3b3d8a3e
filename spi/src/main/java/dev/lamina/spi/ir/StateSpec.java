package dev.lamina.spi.ir;

import java.util.List;

/**
 * What a pool of state holds: named entries, each with a shape of its own, for every slot.
 *
 * <p>For a paged KV pool a slot is one token and a page is {@code slotsPerPage} consecutive slots:
 * {@code slot = page * slotsPerPage + offset}. For recurrent state a slot is one sequence and a
 * page is one slot. Entries need not be alike: K and V may differ in heads and width.
 *
 * @param name identity of the pool in a graph
 * @param slotsPerPage slots in a page, at least 1
 * @param numSlots slots of the pool, usually a symbol bound when a pool is bound
 * @param entries what each slot holds
 */
public record StateSpec(String name, int slotsPerPage, Dim numSlots, List<Entry> entries) {
  /** Copies and checks. */
  public StateSpec {
    entries = List.copyOf(entries);
    if (slotsPerPage < 1 || entries.isEmpty()) {
      throw new GraphException(
          "state %s: expected slotsPerPage >= 1 and at least one entry, got %d and %d"
              .formatted(name, slotsPerPage, entries.size()));
    }
  }

  /**
   * One named tensor of a slot.
   *
   * @param name such as {@code k} or {@code v}
   * @param layer 0-based layer that owns it
   * @param dtype stored element type
   * @param shape sizes of one slot's element, such as {@code [numKvHeads, headDim]}
   */
  public record Entry(String name, int layer, DType dtype, List<Integer> shape) {
    /** Copies and checks. */
    public Entry {
      shape = List.copyOf(shape);
      if (layer < 0 || shape.stream().anyMatch(d -> d < 1)) {
        throw new GraphException(
            "state entry %s: expected layer >= 0 and sizes >= 1, got layer %d, %s"
                .formatted(name, layer, shape));
      }
    }

    /**
     * Bytes of this entry in one slot.
     *
     * @return bytes, in the dense layout
     */
    public long bytesPerSlot() {
      long n = dtype.bytes();
      for (int d : shape) {
        n *= d;
      }
      return n;
    }
  }

  /**
   * Finds an entry.
   *
   * @param entry its name
   * @param layer its layer
   * @return the entry
   * @throws GraphException if there is none
   */
  public Entry entry(String entry, int layer) {
    for (Entry e : entries) {
      if (e.layer() == layer && e.name().equals(entry)) {
        return e;
      }
    }
    throw new GraphException(
        "state %s: expected an entry '%s' of layer %d, the pool has none"
            .formatted(name, entry, layer));
  }

  /**
   * Bytes of one slot in the dense layout.
   *
   * @return bytes over all entries
   */
  public long bytesPerSlot() {
    return entries.stream().mapToLong(Entry::bytesPerSlot).sum();
  }
}
