package dev.lamina.backend.cpuvector.kernels;

import dev.lamina.backend.sdk.BlockDecoder;
import dev.lamina.spi.ir.QuantFormat;

/** What levels of quantised weights are, and what their floats are made of. */
enum LevelForm {
  /** Whole numbers, times a scale. */
  SCALED,
  /** Whole numbers, times a scale, plus a minimum. */
  RAISED,
  /** Floats of 8 bits (E4M3), times a scale. */
  FLOAT8;

  static LevelForm of(QuantFormat format) {
    BlockDecoder decoder = BlockDecoder.of(format);
    if (!decoder.isWhole()) {
      return FLOAT8;
    }
    return decoder.hasMinimum() ? RAISED : SCALED;
  }

  HotKernel kernel() {
    return switch (this) {
      case SCALED -> HotKernel.LEVELS_SCALED;
      case RAISED -> HotKernel.LEVELS_RAISED;
      case FLOAT8 -> HotKernel.LEVELS_FLOAT8;
    };
  }
}
