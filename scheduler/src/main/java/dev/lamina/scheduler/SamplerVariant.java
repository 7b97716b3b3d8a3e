package dev.lamina.scheduler;

import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Scalar;
import dev.lamina.spi.ir.StepSlots;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.util.List;

/**
 * What a sampling graph can do; only what some request of the step asks for is compiled in, so that
 * plain greedy decoding is an argmax and nothing else.
 *
 * @param penalties presence, frequency, repetition
 * @param mask tokens hidden by a bitmask
 * @param random draws, not only argmax
 * @param numLogprobs alternatives reported, -1 for no log-probabilities at all
 */
record SamplerVariant(boolean penalties, boolean mask, boolean random, int numLogprobs) {
  static final String HISTORY = "history";
  static final String NUM_PROMPT = "numPrompt";
  static final String PRESENCE = "presencePenalty";
  static final String FREQUENCY = "frequencyPenalty";
  static final String REPETITION = "repetitionPenalty";
  static final String MASK = "mask";
  static final String TEMPERATURE = "temperature";
  static final String TOP_K = "topK";
  static final String TOP_P = "topP";
  static final String MIN_P = "minP";
  static final String SEED = "seed";
  static final String POSITION = "position";
  static final String IDS = "ids";
  static final String LOGPROBS = "logprobs";
  static final String TOP_LOGPROBS = "topLogprobs";
  static final String TOP_IDS = "topIds";

  /**
   * In a history, the newest id of the context: the forward pass was given it on the device, where
   * it may be before the host knows it.
   */
  static final int NEWEST = -2;

  /** Symbol of the longest history of a step. */
  static final String HISTORY_DIM = "L";

  /** Counts of alternatives that graphs are made for. */
  private static final int[] LOGPROBS_SIZES = {-1, 0, 5, SamplingParams.MAX_LOGPROBS};

  /** How many variants there are; {@link #index} is below it. */
  static final int COUNT = 8 * LOGPROBS_SIZES.length;

  /** The smallest variant that does all of this, as a number, so that looking it up is free. */
  static int index(boolean penalties, boolean mask, boolean random, int numLogprobs) {
    int size = 0;
    while (LOGPROBS_SIZES[size] < numLogprobs) {
      size++;
    }
    return size * 8 + (penalties ? 4 : 0) + (mask ? 2 : 0) + (random ? 1 : 0);
  }

  static SamplerVariant of(int index, int vocabSize) {
    return new SamplerVariant(
        (index & 4) != 0,
        (index & 2) != 0,
        (index & 1) != 0,
        Math.min(vocabSize, LOGPROBS_SIZES[index / 8]));
  }

  /**
   * The graph: penalties and mask on the logits, then the draw; log-probabilities of the unmodified
   * logits, as vLLM reports them.
   *
   * @param tokens T, the symbol of the forward pass
   * @param rows R, likewise
   * @param logitsType of the forward pass, F32 {@code [R, V]}
   * @param maxHistory most tokens of a context
   */
  Graph graph(Dim.Sym tokens, Dim.Sym rows, TensorType logitsType, int maxHistory) {
    Ops g = new Ops("sampler");
    Value logits = g.tensor(StepSlots.LOGITS, logitsType);
    Value processed = logits;
    if (penalties) {
      Dim length = Dim.sym(HISTORY_DIM, 1, maxHistory);
      processed =
          g.add(
              new CompositeOp.Penalties(),
              processed,
              history(g, tokens, rows, length),
              g.tensor(NUM_PROMPT, TensorType.of(DType.I32, rows)),
              g.tensor(PRESENCE, TensorType.of(DType.F32, rows)),
              g.tensor(FREQUENCY, TensorType.of(DType.F32, rows)),
              g.tensor(REPETITION, TensorType.of(DType.F32, rows)));
    }
    if (mask) {
      Dim words = Dim.of((logitsType.shape().dim(1).upperBound() + 31) / 32);
      Value bits = g.tensor(MASK, TensorType.of(DType.U32, rows, words));
      processed = g.add(new CompositeOp.ApplyBitmask(), processed, bits);
    }
    Value ids = random ? sample(g, rows, processed) : g.argmax(processed, 1);
    g.output(IDS, ids);
    if (numLogprobs >= 0) {
      List<Value> logprobs = g.addAll(new CompositeOp.Logprobs(numLogprobs), List.of(logits, ids));
      g.output(LOGPROBS, logprobs.get(0));
      g.output(TOP_LOGPROBS, logprobs.get(1));
      g.output(TOP_IDS, logprobs.get(2));
    }
    return g.build();
  }

  /** Context by row; its newest id is the forward pass's token whose logits are sampled from. */
  private static Value history(Ops g, Dim tokens, Dim rows, Dim length) {
    Value host = g.tensor(HISTORY, TensorType.of(DType.I32, rows, length));
    Value ids = g.tensor(StepSlots.TOKEN_IDS, TensorType.of(DType.I32, tokens));
    Value indices = g.tensor(StepSlots.LOGITS_INDICES, TensorType.of(DType.I32, rows));
    Value newest = g.broadcast(g.gather(ids, indices, 0), host.shape(), 0);
    Value mark = g.fill(host.shape(), Scalar.integer(DType.I32, NEWEST));
    return g.select(g.compare(CoreOp.CompareKind.EQ, host, mark), newest, host);
  }

  private static Value sample(Ops g, Dim.Sym rows, Value logits) {
    return g.add(
        new CompositeOp.Sample(),
        logits,
        g.tensor(TEMPERATURE, TensorType.of(DType.F32, rows)),
        g.tensor(TOP_K, TensorType.of(DType.I32, rows)),
        g.tensor(TOP_P, TensorType.of(DType.F32, rows)),
        g.tensor(MIN_P, TensorType.of(DType.F32, rows)),
        g.tensor(SEED, TensorType.of(DType.I64, rows)),
        g.tensor(POSITION, TensorType.of(DType.I64, rows)));
  }
}
