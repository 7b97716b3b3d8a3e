package dev.lamina.models.ggml;

import java.lang.foreign.MemorySegment;

/** Decodes one block of a format. Stateless. */
@FunctionalInterface
interface BlockDecoder {
  /**
   * Decodes a block.
   *
   * @param data holds the block
   * @param at its first byte
   * @param out takes the elements
   * @param to index of the first element there
   */
  void decode(MemorySegment data, long at, float[] out, int to);
}
