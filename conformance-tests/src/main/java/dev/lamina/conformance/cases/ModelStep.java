package dev.lamina.conformance.cases;

import dev.lamina.conformance.oracle.RefTensor;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.StepSlots;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;

/**
 * One step of a ragged batch: the next tokens of each sequence, each in pages of its own.
 *
 * @param dims values of the step's symbols
 * @param inputs tensors by name
 * @param rows the sequence and position that each row of logits belongs to
 */
record ModelStep(Map<String, Long> dims, Map<String, RefTensor> inputs, List<Row> rows) {
  static final int PAGE = 16;

  /**
   * A position.
   *
   * @param sequence 0-based
   * @param position 0-based
   */
  record Row(int sequence, int position) {}

  /**
   * The next tokens of some sequences.
   *
   * @param tokens all tokens of each sequence
   * @param pages each sequence's pages, in order
   * @param begin positions of each sequence that are done
   * @param end positions that will be done
   * @param padding rows of no sequence after them
   */
  static ModelStep of(long[][] tokens, long[][] pages, int[] begin, int[] end, int padding) {
    List<Long> ids = new ArrayList<>();
    List<Long> positions = new ArrayList<>();
    List<Long> slots = new ArrayList<>();
    List<Row> rows = new ArrayList<>();
    long[] cuSeqlensQ = new long[tokens.length + 1];
    for (int s = 0; s < tokens.length; s++) {
      for (int p = begin[s]; p < end[s]; p++) {
        ids.add(tokens[s][p]);
        positions.add((long) p);
        slots.add(pages[s][p / PAGE] * PAGE + p % PAGE);
        rows.add(new Row(s, p));
      }
      cuSeqlensQ[s + 1] = ids.size();
    }
    for (int i = 0; i < padding; i++) {
      ids.add(-1L);
      positions.add(0L);
      slots.add(-1L);
    }
    int columns =
        LongStream.range(0, end.length).mapToInt(s -> pages(end[(int) s])).max().orElse(1);
    long[] table = new long[tokens.length * columns];
    for (int i = 0; i < table.length; i++) {
      int s = i / columns;
      table[i] = i % columns < pages(end[s]) ? pages[s][i % columns] : -1;
    }
    Map<String, RefTensor> in = new LinkedHashMap<>();
    int t = ids.size();
    put(in, StepSlots.TOKEN_IDS, longs(ids), t);
    put(in, StepSlots.POSITIONS, longs(positions), 1, t);
    put(in, StepSlots.CU_SEQLENS_Q, cuSeqlensQ, tokens.length + 1L);
    put(
        in,
        StepSlots.KV_LENS,
        LongStream.range(0, end.length).map(s -> end[(int) s]).toArray(),
        end.length);
    put(in, StepSlots.LOGITS_INDICES, LongStream.range(0, rows.size()).toArray(), rows.size());
    put(in, StepSlots.slotMapping(0), longs(slots), t);
    put(in, StepSlots.blockTable(0), table, tokens.length, columns);
    Map<String, Long> dims = new HashMap<>();
    dims.put("T", (long) t);
    dims.put("S", (long) tokens.length);
    dims.put("S1", tokens.length + 1L);
    dims.put("P", (long) columns);
    dims.put("R", (long) rows.size());
    return new ModelStep(dims, in, rows);
  }

  private static int pages(int positions) {
    return Math.max(1, (positions + PAGE - 1) / PAGE);
  }

  private static long[] longs(List<Long> values) {
    return values.stream().mapToLong(Long::longValue).toArray();
  }

  private static void put(Map<String, RefTensor> in, String name, long[] values, long... sizes) {
    in.put(name, RefTensor.exact(DType.I32, sizes, values));
  }
}
