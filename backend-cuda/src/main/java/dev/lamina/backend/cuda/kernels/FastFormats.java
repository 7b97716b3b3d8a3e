package dev.lamina.backend.cuda.kernels;

import dev.lamina.backend.sdk.Tensor;
import dev.lamina.backend.sdk.grid.Params;
import dev.lamina.spi.ir.Layout;
import dev.lamina.spi.ir.QuantFormat;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;

/** The block formats that {@code block_codes.cuh} takes apart at full speed. */
final class FastFormats {
  private static final Set<QuantFormat> FORMATS =
      EnumSet.of(
          QuantFormat.Q8_0,
          QuantFormat.Q4_0,
          QuantFormat.Q4_K,
          QuantFormat.Q6_K,
          QuantFormat.MXFP4,
          QuantFormat.F8E4M3_128);

  private FastFormats() {}

  /** The format of such a layout. */
  static Optional<QuantFormat> of(Layout layout) {
    return layout instanceof Layout.Blocked(var format) && FORMATS.contains(format)
        ? Optional.of(format)
        : Optional.empty();
  }

  /** Where blocks of a size begin, a power of two: kernels read words as wide as that allows. */
  static int alignment(int bytes) {
    return Math.min(16, Integer.lowestOneBit(bytes));
  }

  /** Whether blocks begin where the kernels read them. */
  static boolean isAligned(Tensor blocks, QuantFormat format) {
    return Params.isAligned(blocks, alignment(format.bytes()));
  }
}
