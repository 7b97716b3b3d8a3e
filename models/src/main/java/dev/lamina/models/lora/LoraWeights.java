package dev.lamina.models.lora;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.lamina.models.LoraModule;
import dev.lamina.models.LoraSlots;
import dev.lamina.models.WeightTable;
import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.spi.WeightSpec;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Puts the matrices of adapters side by side, each in the rows of its slot. */
public final class LoraWeights {
  private LoraWeights() {}

  /**
   * The weights of a step with room for adapters. The scale goes into B, in F32; empty slots,
   * modules that an adapter leaves alone and ranks below the slot's are zeros.
   *
   * @param modules of the step
   * @param room of the step
   * @param adapters by slot; each fits the model and the room
   * @param arena owns the bytes
   * @return two weights a module
   */
  public static List<WeightTable.Planned> stack(
      List<LoraModule> modules, LoraSlots room, Map<Integer, LoraAdapter> adapters, Arena arena) {
    List<WeightTable.Planned> planned = new ArrayList<>();
    for (LoraModule m : modules) {
      planned.add(plan(m.inputA(), room.totalRank(), m.in(), arena));
      planned.add(plan(m.inputB(), m.out(), room.totalRank(), arena));
      MemorySegment a = planned.get(planned.size() - 2).data();
      MemorySegment b = planned.getLast().data();
      adapters.forEach((slot, adapter) -> {
        LoraAdapter.Pair pair = adapter.pair(m.name());
        if (pair != null) {
          long first = (long) slot * room.rank();
          int rank = pair.rank();
          copy(pair.a(), m.in(), 1, a.asSlice(first * m.in() * Float.BYTES), m.in());
          copy(pair.b(), rank, pair.scale(), b.asSlice(first * Float.BYTES), room.totalRank());
        }
      });
    }
    return planned;
  }

  private static WeightTable.Planned plan(String input, long rows, long width, Arena arena) {
    TensorType type = TensorType.of(DType.F32, rows, width);
    MemorySegment zeros = arena.allocate(ValueLayout.JAVA_FLOAT, rows * width);
    return new WeightTable.Planned(
        input,
        new WeightSpec(input, type, Set.of(WeightSpec.Use.LINEAR)),
        new StoredTensor(input, type, zeros, "adapters"));
  }

  /** Copies rows, as floats times a factor, to rows that begin {@code stride} floats apart. */
  private static void copy(
      StoredTensor from, long width, double factor, MemorySegment to, long stride) {
    MemorySegment data = from.data();
    DType dtype = from.type().dtype();
    long n = from.elements();
    for (long i = 0; i < n; i++) {
      long at = (i / width * stride + i % width) * Float.BYTES;
      to.set(JAVA_FLOAT_UNALIGNED, at, (float) (get(data, dtype, i) * factor));
    }
  }

  private static float get(MemorySegment data, DType dtype, long i) {
    return switch (dtype) {
      case F32 -> data.get(JAVA_FLOAT_UNALIGNED, i * Float.BYTES);
      case F16 -> Float.float16ToFloat(data.get(JAVA_SHORT_UNALIGNED, i * Short.BYTES));
      case BF16 -> Float.intBitsToFloat(data.get(JAVA_SHORT_UNALIGNED, i * Short.BYTES) << 16);
      default -> throw new IllegalArgumentException("an adapter of " + dtype.text());
    };
  }
}
