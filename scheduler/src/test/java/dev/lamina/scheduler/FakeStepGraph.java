package dev.lamina.scheduler;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.lamina.spi.BackendException;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.StepSlots;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;

/**
 * {@link FakeModel}'s arithmetic behind the slots of a real step graph, on a {@link FakeDevice}.
 */
final class FakeStepGraph {
  static final int EOS = Rig.EOS;
  private static final int BLOCK_SIZE = 16;

  final FakeDevice device;
  final CompiledModel model;
  private final long[] kv;

  /** Thrown by the next forward pass, once. */
  BackendException failure;

  FakeStepGraph(boolean sharedWithHost, EngineConfig config, int numBlocks)
      throws BackendException {
    device = new FakeDevice(sharedWithHost);
    kv = new long[numBlocks * BLOCK_SIZE];
    StepSlots slots =
        StepSlots.of(
            config.maxNumBatchedTokens(), config.maxNumSeqs(), Rig.MAX_MODEL_LEN / BLOCK_SIZE);
    StateSpec pool =
        new StateSpec(
            StepSlots.kvPool(0),
            BLOCK_SIZE,
            StepSlots.poolSlots(StepSlots.kvPool(0), BLOCK_SIZE),
            List.of(new StateSpec.Entry("k", 0, DType.F32, List.of(1))));
    device.kernel("step", this::forward);
    device.kernel("sampler", FakeStepGraph::sample);
    device.kernel(NextTokenIds.GRAPH, FakeStepGraph::nextTokenIds);
    model =
        new CompiledModel(
            device,
            device.compile(graph(slots, pool), CompileOptions.DEFAULT),
            slots,
            Map.of(),
            List.of(
                new KvGroup("kv.0", numBlocks, BLOCK_SIZE, new KvGroup.Lifetime.UntilFinished())),
            List.of(
                device.allocateState(
                    device.chooseStateLayout(pool), (long) numBlocks * BLOCK_SIZE)),
            null,
            new ModelLimits(FakeModel.VOCAB, Rig.MAX_MODEL_LEN, new int[] {EOS}));
  }

  private static dev.lamina.spi.ir.Graph graph(StepSlots s, StateSpec pool) {
    Ops g = new Ops("step");
    g.tensor(StepSlots.TOKEN_IDS, TensorType.of(DType.I32, s.tokens()));
    g.tensor(StepSlots.POSITIONS, TensorType.of(DType.I32, Dim.of(2), s.tokens()));
    g.tensor(StepSlots.CU_SEQLENS_Q, TensorType.of(DType.I32, s.bounds()));
    g.tensor(StepSlots.KV_LENS, TensorType.of(DType.I32, s.sequences()));
    g.tensor(StepSlots.slotMapping(0), TensorType.of(DType.I32, s.tokens()));
    g.tensor(StepSlots.blockTable(0), TensorType.of(DType.I32, s.sequences(), s.pages()));
    g.tensor(StepSlots.LOGITS_INDICES, TensorType.of(DType.I32, s.rows()));
    g.state(pool);
    Value logits = g.iota(Shape.of(s.rows(), Dim.of(FakeModel.VOCAB)), 1, DType.F32);
    g.output(StepSlots.LOGITS, logits);
    return g.build();
  }

  private void forward(FakeDevice.Run run) throws BackendException {
    if (failure != null) {
      BackendException thrown = failure;
      failure = null;
      throw thrown;
    }
    int tokens = run.dim("T");
    for (int t = 0; t < tokens; t++) {
      int slot = i32(run, StepSlots.slotMapping(0), t);
      int id = i32(run, StepSlots.TOKEN_IDS, t);
      if ((slot < 0) != (id < 0)) {
        throw new AssertionError("token " + id + " in slot " + slot);
      }
      int position = i32(run, StepSlots.POSITIONS, t);
      if (position != i32(run, StepSlots.POSITIONS, tokens + t)) {
        throw new AssertionError("positions differ between sections");
      }
      if (slot >= 0) {
        kv[slot] = FakeModel.entry(id, position);
      }
    }
    checkBounds(run);
    MemorySegment logits = run.memory(StepSlots.LOGITS);
    for (int row = 0; row < run.dim("R"); row++) {
      int index = i32(run, StepSlots.LOGITS_INDICES, row);
      for (int v = 0; v < FakeModel.VOCAB; v++) {
        logits.setAtIndex(JAVA_FLOAT, (long) row * FakeModel.VOCAB + v, -v);
      }
      if (index >= 0) {
        logits.setAtIndex(
            JAVA_FLOAT, (long) row * FakeModel.VOCAB + attend(run, sequenceOf(run, index)), 1);
      }
    }
  }

  private static void nextTokenIds(FakeDevice.Run run) {
    for (int t = 0; t < run.dim("T"); t++) {
      int row = i32(run, NextTokenIds.ROWS, t);
      int known = i32(run, NextTokenIds.KNOWN, t);
      if (row >= 0 && known != 0) {
        throw new AssertionError("token " + t + " is known as " + known + " and sampled");
      }
      int id = known + (row < 0 ? 0 : i32(run, NextTokenIds.SAMPLED, row));
      run.memory(StepSlots.TOKEN_IDS).setAtIndex(JAVA_INT, t, id);
    }
  }

  private static void checkBounds(FakeDevice.Run run) {
    int seqs = run.dim("S");
    if (run.dim("S1") != seqs + 1) {
      throw new AssertionError("S1 is " + run.dim("S1") + " for " + seqs);
    }
    for (int s = 0; s < seqs; s++) {
      int n = i32(run, StepSlots.CU_SEQLENS_Q, s + 1) - i32(run, StepSlots.CU_SEQLENS_Q, s);
      if (n < 0 || (n == 0) != (i32(run, StepSlots.KV_LENS, s) == 0)) {
        throw new AssertionError("sequence " + s + " has " + n + " tokens");
      }
    }
  }

  private static int sequenceOf(FakeDevice.Run run, int index) {
    int seq = 0;
    while (i32(run, StepSlots.CU_SEQLENS_Q, seq + 1) <= index) {
      seq++;
    }
    return seq;
  }

  private int attend(FakeDevice.Run run, int seq) {
    long sum = 0;
    for (int p = 0; p < i32(run, StepSlots.KV_LENS, seq); p++) {
      int block = i32(run, StepSlots.blockTable(0), seq * run.dim("P") + p / BLOCK_SIZE);
      sum += kv[block * BLOCK_SIZE + p % BLOCK_SIZE];
    }
    return FakeModel.tokenOf(sum);
  }

  /** Argmax under the mask; the log-probability of id v is -v, of the k-th alternative -k. */
  private static void sample(FakeDevice.Run run) {
    for (int row = 0; row < run.dim("R"); row++) {
      if (run.isBound(SamplerVariant.HISTORY)) {
        checkHistory(run, row);
      }
      int best = -1;
      for (int v = 0; v < FakeModel.VOCAB; v++) {
        if (run.isBound(SamplerVariant.MASK) && !allowed(run, row, v)) {
          continue;
        }
        if (best < 0 || logit(run, row, v) > logit(run, row, best)) {
          best = v;
        }
      }
      run.memory(SamplerVariant.IDS).setAtIndex(JAVA_INT, row, best);
      if (run.isBound(SamplerVariant.LOGPROBS)) {
        run.memory(SamplerVariant.LOGPROBS).setAtIndex(JAVA_FLOAT, row, -best);
        int k = (int) (run.memory(SamplerVariant.TOP_IDS).byteSize() / 4 / run.dim("R"));
        k = Math.min(k, 5);
        for (int i = 0; i < k; i++) {
          run.memory(SamplerVariant.TOP_IDS).setAtIndex(JAVA_INT, (long) row * k + i, 100 + i);
          run.memory(SamplerVariant.TOP_LOGPROBS).setAtIndex(JAVA_FLOAT, (long) row * k + i, -i);
        }
      }
    }
  }

  /** A row's history is the context that its logits were made of, the newest id found as asked. */
  private static void checkHistory(FakeDevice.Run run, int row) {
    int length = run.dim(SamplerVariant.HISTORY_DIM);
    int index = i32(run, StepSlots.LOGITS_INDICES, row);
    long sum = 0;
    for (int p = 0; p < length; p++) {
      int id = i32(run, SamplerVariant.HISTORY, row * length + p);
      id = id == SamplerVariant.NEWEST ? i32(run, StepSlots.TOKEN_IDS, index) : id;
      sum += id < 0 ? 0 : FakeModel.entry(id, p);
    }
    if (index >= 0 && logit(run, row, FakeModel.tokenOf(sum)) != 1) {
      throw new AssertionError("row " + row + " has a history that is not its context");
    }
  }

  private static float logit(FakeDevice.Run run, int row, int v) {
    return run.memory(StepSlots.LOGITS).getAtIndex(JAVA_FLOAT, (long) row * FakeModel.VOCAB + v);
  }

  private static boolean allowed(FakeDevice.Run run, int row, int v) {
    int words = (FakeModel.VOCAB + 31) / 32;
    int word = run.memory(SamplerVariant.MASK).getAtIndex(JAVA_INT, (long) row * words + v / 32);
    return (word >>> (v % 32) & 1) == 1;
  }

  private static int i32(FakeDevice.Run run, String slot, int index) {
    return run.memory(slot).getAtIndex(JAVA_INT, index);
  }
}
