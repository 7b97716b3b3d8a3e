package dev.lamina.conformance.cases;

import dev.lamina.conformance.cases.TinyModel.Span;
import dev.lamina.conformance.oracle.RefTensor;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.StepSlots;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;

/**
 * One step of a ragged batch: the next tokens of some sequences, each in pages of its own.
 *
 * @param dims values of the step's symbols
 * @param inputs tensors by name
 */
record ModelStep(Map<String, Long> dims, Map<String, RefTensor> inputs) {
  /**
   * The next tokens of some sequences.
   *
   * @param tokens all tokens of each sequence
   * @param pages each sequence's pages, in order
   * @param page slots of a page
   * @param spans which tokens; may be none of a sequence
   * @param padding rows of no sequence after them
   */
  static ModelStep of(long[][] tokens, long[][] pages, int page, List<Span> spans, int padding) {
    List<Long> ids = new ArrayList<>();
    List<Long> positions = new ArrayList<>();
    List<Long> slots = new ArrayList<>();
    int columns =
        Math.max(1, spans.stream().mapToInt(s -> (s.to() + page - 1) / page).max().orElse(1));
    long[] cuSeqlensQ = new long[spans.size() + 1];
    long[] kvLens = new long[spans.size()];
    long[] table = new long[spans.size() * columns];
    Arrays.fill(table, -1);
    for (int i = 0; i < spans.size(); i++) {
      Span span = spans.get(i);
      long[] own = pages[span.sequence()];
      for (int p = span.from(); p < span.to(); p++) {
        ids.add(tokens[span.sequence()][p]);
        positions.add((long) p);
        slots.add(own[p / page] * page + p % page);
      }
      for (int c = 0; c * page < span.to(); c++) {
        table[i * columns + c] = own[c];
      }
      cuSeqlensQ[i + 1] = ids.size();
      kvLens[i] = span.to();
    }
    int rows = ids.size();
    for (int i = 0; i < padding; i++) {
      ids.add(-1L);
      positions.add(0L);
      slots.add(-1L);
    }
    int t = ids.size();
    Map<String, RefTensor> in = new LinkedHashMap<>();
    put(in, StepSlots.TOKEN_IDS, longs(ids), t);
    put(in, StepSlots.POSITIONS, longs(positions), 1, t);
    put(in, StepSlots.CU_SEQLENS_Q, cuSeqlensQ, cuSeqlensQ.length);
    put(in, StepSlots.KV_LENS, kvLens, kvLens.length);
    put(in, StepSlots.LOGITS_INDICES, LongStream.range(0, rows).toArray(), rows);
    put(in, StepSlots.slotMapping(0), longs(slots), t);
    put(in, StepSlots.blockTable(0), table, kvLens.length, columns);
    Map<String, Long> dims = new HashMap<>();
    dims.put("T", (long) t);
    dims.put("S", (long) kvLens.length);
    dims.put("S1", (long) cuSeqlensQ.length);
    dims.put("P", (long) columns);
    dims.put("R", (long) rows);
    return new ModelStep(dims, in);
  }

  private static long[] longs(List<Long> values) {
    return values.stream().mapToLong(Long::longValue).toArray();
  }

  private static void put(Map<String, RefTensor> in, String name, long[] values, long... sizes) {
    in.put(name, RefTensor.exact(DType.I32, sizes, values));
  }
}
