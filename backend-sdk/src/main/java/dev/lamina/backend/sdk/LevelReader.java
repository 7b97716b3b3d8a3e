package dev.lamina.backend.sdk;

import dev.lamina.spi.ir.BlockSpec;
import java.lang.foreign.MemorySegment;

/** Reads what the codes of blocks stand for. Immutable and thread-safe. */
interface LevelReader {
  /** The reader of blocks. */
  static LevelReader of(BlockSpec spec) {
    return switch (spec.levels()) {
      case BlockSpec.Levels.Points p -> new PointLevels(spec.codes(), p);
      case BlockSpec.Levels.Ternary t -> new TernaryLevels(spec.codes(), t);
      case BlockSpec.Levels.Biased b -> new CodeLevels(spec.codes(), b);
      case BlockSpec.Levels.Signed s -> new CodeLevels(spec.codes(), s);
      case BlockSpec.Levels.Table t -> new CodeLevels(spec.codes(), t);
      case BlockSpec.Levels.Float8 f -> new CodeLevels(spec.codes(), f);
    };
  }

  /**
   * The level of an element.
   *
   * @param data holds the block; any alignment
   * @param at its first byte
   * @param i index of the element
   * @return what its scale multiplies
   */
  float get(MemorySegment data, long at, int i);

  /**
   * Reads the levels of consecutive blocks; 8-bit floats as they are.
   *
   * @param data blocks, from its first byte on
   * @param bytes of a block
   * @param blocks how many
   * @param out takes them, from index 0 on
   */
  void read(byte[] data, int bytes, int blocks, byte[] out);
}
