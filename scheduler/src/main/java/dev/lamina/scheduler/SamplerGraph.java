package dev.lamina.scheduler;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.lamina.spi.BackendException;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.Executable;
import dev.lamina.spi.Slot;
import dev.lamina.spi.ir.StepSlots;
import dev.lamina.spi.ir.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** One compiled {@link SamplerVariant} with the tensors it is fed and the ones it fills. */
final class SamplerGraph implements AutoCloseable {
  /** What padding rows ask for. */
  private static final SamplingParams GREEDY = SamplingParams.builder().temperature(0).build();

  private final CompiledModel model;
  private final SampledIds ids;
  private final Executable executable;
  private final Program program;
  private final List<String> inputNames = new ArrayList<>();
  private final StepInputs inputs;

  /** What is drawn beside the ids. */
  private final List<String> outputNames = new ArrayList<>();

  private final StepOutputs outputs;
  private final int numTop;
  private final int vocabSize;
  private final ForwardPass forward;
  private final int tokensDim;
  private final int rowsDim;
  private final int historyDim;

  /**
   * @param forward from whose logits it samples
   * @param ids where it puts the ids
   */
  SamplerGraph(CompiledModel model, ForwardPass forward, SampledIds ids, SamplerVariant variant)
      throws BackendException {
    TensorType logits = forward.logits().type();
    this.model = model;
    this.forward = forward;
    this.ids = ids;
    this.inputs = new StepInputs(model.device());
    this.outputs = new StepOutputs(model.device());
    int maxHistory = model.limits().maxModelLen() + 1;
    this.executable =
        model
            .device()
            .compile(
                variant.graph(model.slots().tokens(), model.slots().rows(), logits, maxHistory),
                CompileOptions.DEFAULT);
    this.program = new Program(executable);
    this.numTop = Math.max(0, variant.numLogprobs());
    this.vocabSize = (int) logits.shape().dim(1).upperBound();
    this.tokensDim = program.dim(model.slots().tokens().name());
    this.rowsDim = program.dim(model.slots().rows().name());
    this.historyDim = program.dim(SamplerVariant.HISTORY_DIM);
    for (Slot slot : executable.slots()) {
      bind(slot);
    }
  }

  private void bind(Slot slot) {
    switch (slot.name()) {
      case StepSlots.LOGITS -> program.buffer(slot.ordinal(), forward.logits());
      case StepSlots.TOKEN_IDS, StepSlots.LOGITS_INDICES ->
          program.buffer(slot.ordinal(), forward.input(slot.name()));
      case SamplerVariant.IDS -> program.buffer(slot.ordinal(), ids.buffer());
      default -> bindOwn(slot);
    }
  }

  private void bindOwn(Slot slot) {
    boolean isInput = slot.kind() == Slot.Kind.INPUT;
    (isInput ? inputNames : outputNames).add(slot.name());
    StepMemory memory = isInput ? inputs : outputs;
    program.buffer(slot.ordinal(), memory.add((TensorType) slot.type()));
  }

  /**
   * Submits behind the forward pass that last ran.
   *
   * @param turn which of two places the results go to; see {@link StepOutputs}
   */
  void submit(ScheduledBatch batch, int turn) throws BackendException {
    long numRows = forward.numRows();
    StepQueue queue = forward.queue();
    program.want(rowsDim, numRows);
    program.want(historyDim, longestHistory(batch));
    program.bucket();
    program.bind(tokensDim, forward.numTokens());
    program.bind(rowsDim, numRows);
    if (historyDim >= 0) {
      program.bind(historyDim, program.value(historyDim));
    }
    List<StepBuffer> in = inputs.parts();
    for (int i = 0; i < in.size(); i++) {
      program.ensure(in.get(i));
    }
    for (int i = 0; i < in.size(); i++) {
      fill(inputNames.get(i), in.get(i).host(), batch, (int) numRows);
    }
    if (!in.isEmpty()) {
      inputs.upload(queue);
    }
    List<StepBuffer> out = outputs.parts();
    for (int i = 0; i < out.size(); i++) {
      program.ensure(out.get(i));
    }
    program.submit(queue);
    ids.download(numRows, queue, turn);
    if (!out.isEmpty()) {
      outputs.download(queue, turn);
    }
  }

  /** Takes over the results of {@code numRows} rows, once the queue was awaited. */
  void read(SampledTokens sampled, int numRows, int turn) {
    ids.read(sampled.tokenIds, numRows, turn);
    for (int i = 0; i < outputNames.size(); i++) {
      MemorySegment host = outputs.host(turn);
      long at = outputs.offset(i, turn);
      switch (outputNames.get(i)) {
        case SamplerVariant.LOGPROBS ->
            MemorySegment.copy(host, JAVA_FLOAT, at, sampled.logprobs, 0, numRows);
        case SamplerVariant.TOP_LOGPROBS -> {
          for (int row = 0; row < numRows; row++) {
            long from = at + (long) row * numTop * Float.BYTES;
            int to = row * SamplingParams.MAX_LOGPROBS;
            MemorySegment.copy(host, JAVA_FLOAT, from, sampled.topLogprobs, to, numTop);
          }
        }
        case SamplerVariant.TOP_IDS -> {
          for (int row = 0; row < numRows; row++) {
            long from = at + (long) row * numTop * Integer.BYTES;
            int to = row * SamplingParams.MAX_LOGPROBS;
            MemorySegment.copy(host, JAVA_INT, from, sampled.topTokenIds, to, numTop);
          }
        }
        default -> throw new AssertionError("sampler output " + outputNames.get(i));
      }
    }
  }

  @Override
  public void close() {
    executable.close();
    inputs.close();
    outputs.close();
  }

  private static int longestHistory(ScheduledBatch batch) {
    int longest = 1;
    for (int row = 0; row < batch.numLogits(); row++) {
      longest = Math.max(longest, batch.sampledPosition(row));
    }
    return longest;
  }

  private void fill(String name, MemorySegment host, ScheduledBatch batch, int numRows) {
    switch (name) {
      case SamplerVariant.HISTORY -> fillHistory(host, batch, numRows);
      case SamplerVariant.MASK -> fillMask(host, batch, numRows);
      case SamplerVariant.TOP_K, SamplerVariant.NUM_PROMPT -> {
        for (int row = 0; row < numRows; row++) {
          host.setAtIndex(JAVA_INT, row, intValue(name, batch, row));
        }
      }
      case SamplerVariant.SEED, SamplerVariant.POSITION -> {
        for (int row = 0; row < numRows; row++) {
          host.setAtIndex(JAVA_LONG, row, longValue(name, batch, row));
        }
      }
      default -> {
        for (int row = 0; row < numRows; row++) {
          SamplingParams sampling =
              row < batch.numLogits() ? batch.sampledRequest(row).sampling : GREEDY;
          host.setAtIndex(JAVA_FLOAT, row, floatValue(name, sampling));
        }
      }
    }
  }

  private static float floatValue(String name, SamplingParams sampling) {
    return switch (name) {
      case SamplerVariant.TEMPERATURE -> sampling.temperature();
      case SamplerVariant.TOP_P -> sampling.topP();
      case SamplerVariant.MIN_P -> sampling.minP();
      case SamplerVariant.PRESENCE -> sampling.presencePenalty();
      case SamplerVariant.FREQUENCY -> sampling.frequencyPenalty();
      case SamplerVariant.REPETITION -> sampling.repetitionPenalty();
      default -> throw new AssertionError("sampler input " + name);
    };
  }

  private static int intValue(String name, ScheduledBatch batch, int row) {
    if (row >= batch.numLogits()) {
      return 0;
    }
    Request request = batch.sampledRequest(row);
    return name.equals(SamplerVariant.TOP_K)
        ? Math.max(0, request.sampling.topK())
        : request.numPromptTokens();
  }

  /** A draw depends on the request's seed and the token's position, never on the batch. */
  private static long longValue(String name, ScheduledBatch batch, int row) {
    if (row >= batch.numLogits()) {
      return 0;
    }
    return name.equals(SamplerVariant.SEED)
        ? batch.sampledRequest(row).seed
        : batch.sampledPosition(row);
  }

  /** Prompt and output so far, the newest left to the graph, [numRows, L], -1 after the end. */
  private void fillHistory(MemorySegment host, ScheduledBatch batch, int numRows) {
    int width = (int) program.value(historyDim);
    for (int row = 0; row < numRows; row++) {
      long base = (long) row * width;
      int n = 0;
      if (row < batch.numLogits()) {
        n = batch.sampledPosition(row);
        int[] known = batch.sampledRequest(row).tokenIds;
        MemorySegment.copy(known, 0, host, JAVA_INT, base * Integer.BYTES, n - 1);
        host.setAtIndex(JAVA_INT, base + n - 1, SamplerVariant.NEWEST);
      }
      for (int i = n; i < width; i++) {
        host.setAtIndex(JAVA_INT, base + i, -1);
      }
    }
  }

  /** All ones, but for the ids that would end a request before its minTokens. */
  private void fillMask(MemorySegment host, ScheduledBatch batch, int numRows) {
    int words = (vocabSize + 31) / 32;
    host.asSlice(0, (long) numRows * words * Integer.BYTES).fill((byte) -1);
    for (int row = 0; row < batch.numLogits(); row++) {
      Request request = batch.sampledRequest(row);
      if (batch.numOutputTokens(row) < request.sampling.minTokens()) {
        hide(host, (long) row * words, model.limits().eosTokenIds());
        hide(host, (long) row * words, request.sampling.stopTokenIds());
      }
    }
  }

  private static void hide(MemorySegment host, long base, int[] tokenIds) {
    for (int id : tokenIds) {
      long word = base + id / 32;
      host.setAtIndex(JAVA_INT, word, host.getAtIndex(JAVA_INT, word) & ~(1 << (id % 32)));
    }
  }
}
