package dev.lamina.spi.ir;

import java.util.List;

/**
 * The contract between a model's step graph and whoever feeds it: names and symbols.
 *
 * <p>A step runs a ragged batch of T tokens of S sequences and computes logits for R of its rows.
 * KV group g has its own {@code slotMapping.g} and {@code blockTable.g}; a dense model has group 0
 * only. A model with a state a sequence (convolution tails, linear attention) has the pool {@code
 * recurrent}, one slot a page, and the inputs {@code stateReads[S]}, the slot that holds a
 * sequence's state before the step (-1: it starts), and {@code stateWrites[S]}, the slot that holds
 * it after; as the two may differ, a slot that is no longer written stays as a checkpoint. A
 * padding sequence has -1 in both. Inputs, all I32: {@code tokenIds[T]}, {@code positions[sections,
 * T]}, {@code cuSeqlensQ[S1]}, {@code kvLens[S]}, {@code slotMapping.g[T]}, {@code blockTable.g[S,
 * P]}, {@code logitsIndices[R]}. Outputs: {@code hidden[R, H]} (after the last norm) and {@code
 * logits[R, V]} F32, and each state's successor under the state's name. S1 is always S + 1.
 * Padding: token id -1, position 0, slot -1; a padding sequence has kvLens 0 and repeats the last
 * cuSeqlensQ; a padding row of logitsIndices is -1 and gives a row of unspecified finite values.
 *
 * @param tokens T, tokens of the step
 * @param sequences S, sequences of the step
 * @param bounds S1, always S + 1
 * @param pages P, columns of the block table
 * @param rows R, rows that reach the head
 */
public record StepSlots(
    Dim.Sym tokens, Dim.Sym sequences, Dim.Sym bounds, Dim.Sym pages, Dim.Sym rows) {
  /** Token ids, I32 {@code [T]}. */
  public static final String TOKEN_IDS = "tokenIds";

  /** Given in place of token ids if the graph starts after the lookup: {@code [T, H]}. */
  public static final String EMBEDDINGS = "embeddings";

  /** Positions, I32 {@code [sections, T]}. */
  public static final String POSITIONS = "positions";

  /** First query row of each sequence, and the end, I32 {@code [S1]}. */
  public static final String CU_SEQLENS_Q = "cuSeqlensQ";

  /** Positions of each sequence in the pool after this step's append, I32 {@code [S]}. */
  public static final String KV_LENS = "kvLens";

  /**
   * Slot of each token's adapter, -1 for none, I32 {@code [T]}; only in graphs with room for
   * adapters.
   */
  public static final String ADAPTER_IDS = "adapterIds";

  /**
   * The longest that each token's sequence may become, I32 {@code [T]}; only in graphs that turn
   * sequences differently by that.
   */
  public static final String CONTEXT_LIMITS = "contextLimits";

  /** Slot of each sequence's recurrent state before the step, -1 = none yet, I32 {@code [S]}. */
  public static final String STATE_READS = "stateReads";

  /** Slot of each sequence's recurrent state after the step, -1 = dropped, I32 {@code [S]}. */
  public static final String STATE_WRITES = "stateWrites";

  /** Name of the pool of recurrent state. */
  public static final String RECURRENT = "recurrent";

  /** Rows that reach the head, I32 {@code [R]}. */
  public static final String LOGITS_INDICES = "logitsIndices";

  /** Output: hidden states of the wanted rows after the last norm. */
  public static final String HIDDEN = "hidden";

  /** Output: logits of the wanted rows, F32 {@code [R, V]}. */
  public static final String LOGITS = "logits";

  /**
   * Symbols for a model and engine of these limits.
   *
   * @param maxTokens most tokens a step
   * @param maxSeqs most sequences a step
   * @param maxPages most pages a sequence
   * @return the symbols
   */
  public static StepSlots of(long maxTokens, long maxSeqs, long maxPages) {
    return new StepSlots(
        Dim.sym("T", 1, maxTokens),
        Dim.sym("S", 1, maxSeqs),
        Dim.sym("S1", 2, maxSeqs + 1),
        Dim.sym("P", 1, maxPages),
        Dim.sym("R", 1, maxTokens));
  }

  /**
   * Name of a KV group's slot mapping, I32 {@code [T]}.
   *
   * @param group 0-based
   * @return the input's name
   */
  public static String slotMapping(int group) {
    return "slotMapping." + group;
  }

  /**
   * Name of a KV group's block table, I32 {@code [S, P]}.
   *
   * @param group 0-based
   * @return the input's name
   */
  public static String blockTable(int group) {
    return "blockTable." + group;
  }

  /**
   * Name of a KV group's pool.
   *
   * @param group 0-based
   * @return the state's name
   */
  public static String kvPool(int group) {
    return "kv." + group;
  }

  /**
   * Symbol for the slots of a pool.
   *
   * @param pool the state's name
   * @param slotsPerPage slots are a multiple of this
   * @return the symbol {@code slots.POOL}
   */
  public static Dim.Sym poolSlots(String pool, int slotsPerPage) {
    long max = Integer.MAX_VALUE / slotsPerPage * (long) slotsPerPage;
    return new Dim.Sym("slots." + pool, slotsPerPage, max, slotsPerPage);
  }

  /**
   * The symbols in a fixed order.
   *
   * @return T, S, S1, P, R
   */
  public List<Dim.Sym> all() {
    return List.of(tokens, sequences, bounds, pages, rows);
  }
}
