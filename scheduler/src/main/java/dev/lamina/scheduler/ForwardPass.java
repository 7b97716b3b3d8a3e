package dev.lamina.scheduler;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.lamina.spi.BackendException;
import dev.lamina.spi.Slot;
import dev.lamina.spi.Weight;
import dev.lamina.spi.ir.StepSlots;
import dev.lamina.spi.ir.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Runs {@link ScheduledBatch}es through a model: binds, pads to the executable's bucket, submits.
 *
 * <p>Padding as {@link StepSlots} says: token -1, slot -1, a sequence of no tokens, row -1. One
 * thread at a time.
 */
public final class ForwardPass implements AutoCloseable {
  private final CompiledModel model;
  private final StepQueue queue;
  private final Program program;
  private final List<StepBuffer> inputs = new ArrayList<>();
  private final List<StepBuffer> outputs = new ArrayList<>();
  private final StepBuffer tokenIds;
  private final StepBuffer positions;
  private final StepBuffer cuSeqlensQ;
  private final StepBuffer kvLens;
  private final StepBuffer logitsIndices;
  private final StepBuffer[] slotMapping;
  private final StepBuffer[] blockTable;
  private final StepBuffer logits;
  private final int numSections;
  private final int tokensDim;
  private final int sequencesDim;
  private final int boundsDim;
  private final int pagesDim;
  private final int rowsDim;

  /**
   * Binds the model's weights and pools.
   *
   * @throws BackendException when the device refuses one, or has no queue to give
   * @throws IllegalArgumentException when the executable lacks a slot of {@link StepSlots}, or
   *     wants a weight that the model does not hold
   */
  public ForwardPass(CompiledModel model) throws BackendException {
    this.model = model;
    this.queue = new StepQueue(model.device());
    this.program = new Program(model.forward());
    this.tokenIds = input(StepSlots.TOKEN_IDS);
    this.positions = input(StepSlots.POSITIONS);
    this.cuSeqlensQ = input(StepSlots.CU_SEQLENS_Q);
    this.kvLens = input(StepSlots.KV_LENS);
    this.logitsIndices = input(StepSlots.LOGITS_INDICES);
    this.slotMapping = new StepBuffer[model.groups().size()];
    this.blockTable = new StepBuffer[slotMapping.length];
    for (int g = 0; g < slotMapping.length; g++) {
      slotMapping[g] = input(StepSlots.slotMapping(g));
      blockTable[g] = input(StepSlots.blockTable(g));
      int pool = program.executable.slot(StepSlots.kvPool(g));
      program.bindings.state(pool, model.states().get(g));
      program.want(program.dim("slots." + StepSlots.kvPool(g)), model.states().get(g).numSlots());
    }
    bindWeightsAndOutputs();
    this.logits = outputs.get(outputIndex(StepSlots.LOGITS));
    this.numSections = (int) positions.type().shape().dim(0).upperBound();
    this.tokensDim = program.dim(model.slots().tokens().name());
    this.sequencesDim = program.dim(model.slots().sequences().name());
    this.boundsDim = program.dim(model.slots().bounds().name());
    this.pagesDim = program.dim(model.slots().pages().name());
    this.rowsDim = program.dim(model.slots().rows().name());
  }

  /**
   * Submits a step; {@link #await} waits for it.
   *
   * @param batch at least one token; free to change once this returns
   */
  public void run(ScheduledBatch batch) throws BackendException {
    bindDims(batch);
    for (int i = 0; i < inputs.size(); i++) {
      program.ensure(inputs.get(i));
    }
    for (int i = 0; i < outputs.size(); i++) {
      program.ensure(outputs.get(i));
    }
    fill(batch);
    for (int i = 0; i < inputs.size(); i++) {
      inputs.get(i).upload(queue);
    }
    program.submit(queue);
  }

  /** Waits until all that was submitted is done. */
  public void await() throws BackendException {
    queue.await();
  }

  /**
   * Waits, and gives the logits of the last {@link #run}.
   *
   * @return F32 {@code [numLogits, vocabSize]}, dense, in {@link ScheduledBatch#logitsIndices}
   *     order; valid until the next run
   */
  public MemorySegment readLogits() throws BackendException {
    logits.download(queue);
    queue.await();
    return logits.host();
  }

  @Override
  public void close() {
    queue.close();
    inputs.forEach(StepBuffer::close);
    outputs.forEach(StepBuffer::close);
  }

  StepQueue queue() {
    return queue;
  }

  /** The logits on the device: {@code [R, V]}, R as {@link #numRows}. */
  StepBuffer logits() {
    return logits;
  }

  /** Rows of the last run, padding included. */
  long numRows() {
    return program.value(rowsDim);
  }

  private void bindDims(ScheduledBatch batch) throws BackendException {
    int maxBlocks = 1;
    for (int g = 0; g < batch.numGroups(); g++) {
      for (int s = 0; s < batch.numSeqs(); s++) {
        maxBlocks = Math.max(maxBlocks, batch.group(g).numBlocks(s));
      }
    }
    program.want(tokensDim, batch.numTokens());
    program.want(sequencesDim, batch.numSeqs());
    program.want(boundsDim, batch.numSeqs() + 1L);
    program.want(pagesDim, maxBlocks);
    program.want(rowsDim, Math.max(1, batch.numLogits()));
    program.bucket();
    program.bind(tokensDim, program.value(tokensDim));
    program.bind(sequencesDim, program.value(sequencesDim));
    program.bind(boundsDim, program.value(sequencesDim) + 1);
    program.bind(pagesDim, program.value(pagesDim));
    program.bind(rowsDim, program.value(rowsDim));
  }

  private void fill(ScheduledBatch batch) {
    int numTokens = batch.numTokens();
    long paddedTokens = program.value(tokensDim);
    long paddedSeqs = program.value(sequencesDim);
    copy(batch.tokenIds(), numTokens, tokenIds.host(), 0, paddedTokens, -1);
    for (int section = 0; section < numSections; section++) {
      long at = section * paddedTokens;
      copy(batch.positions(), numTokens, positions.host(), at, paddedTokens, 0);
    }
    copy(batch.cuSeqlensQ(), batch.numSeqs() + 1, cuSeqlensQ.host(), 0, paddedSeqs + 1, numTokens);
    copy(batch.kvLens(), batch.numSeqs(), kvLens.host(), 0, paddedSeqs, 0);
    long rows = program.value(rowsDim);
    copy(batch.logitsIndices(), batch.numLogits(), logitsIndices.host(), 0, rows, -1);
    for (int g = 0; g < slotMapping.length; g++) {
      KvGroupBatch group = batch.group(g);
      copy(group.slotMapping(), numTokens, slotMapping[g].host(), 0, paddedTokens, -1);
      fillBlockTable(group, batch.numSeqs(), paddedSeqs, blockTable[g].host());
    }
  }

  private void fillBlockTable(
      KvGroupBatch group, int numSeqs, long paddedSeqs, MemorySegment table) {
    long pages = program.value(pagesDim);
    for (int s = 0; s < paddedSeqs; s++) {
      if (s < numSeqs) {
        copy(group.blockTable(s), group.numBlocks(s), table, s * pages, pages, -1);
      } else {
        fill(table, s * pages, pages, -1);
      }
    }
  }

  /** Copies n ints to index {@code at} and pads up to {@code padded} of them. */
  private static void copy(
      int[] source, int n, MemorySegment target, long at, long padded, int padding) {
    MemorySegment.copy(source, 0, target, JAVA_INT, at * Integer.BYTES, n);
    fill(target, at + n, padded - n, padding);
  }

  private static void fill(MemorySegment target, long at, long n, int value) {
    for (long i = at; i < at + n; i++) {
      target.setAtIndex(JAVA_INT, i, value);
    }
  }

  private StepBuffer input(String name) {
    int slot = program.executable.slot(name);
    TensorType type = tensorType(program.executable.slots().get(slot));
    StepBuffer buffer = new StepBuffer(model.device(), type);
    inputs.add(buffer);
    program.buffer(slot, buffer);
    return buffer;
  }

  private void bindWeightsAndOutputs() throws BackendException {
    for (Slot slot : program.executable.slots()) {
      switch (slot.kind()) {
        case INPUT, STATE -> {}
        case WEIGHT -> {
          Weight weight = model.weights().get(slot.name());
          if (weight == null) {
            throw new IllegalArgumentException(
                "forward pass: expected a weight '%s' of type %s, the model holds %d weights without it"
                    .formatted(slot.name(), slot.type(), model.weights().size()));
          }
          program.bindings.weight(slot.ordinal(), weight);
        }
        case OUTPUT -> {
          StepBuffer buffer = new StepBuffer(model.device(), tensorType(slot));
          outputs.add(buffer);
          program.buffer(slot.ordinal(), buffer);
        }
      }
    }
  }

  private int outputIndex(String name) {
    int index = 0;
    for (Slot slot : program.executable.slots()) {
      if (slot.kind() == Slot.Kind.OUTPUT) {
        if (slot.name().equals(name)) {
          return index;
        }
        index++;
      }
    }
    throw new IllegalArgumentException(
        "forward pass: expected an output '" + name + "', the executable has none");
  }

  private static TensorType tensorType(Slot slot) {
    if (slot.type() instanceof TensorType type) {
      return type;
    }
    throw new IllegalArgumentException(
        "forward pass: expected a tensor in slot '" + slot.name() + "', got " + slot.type());
  }
}
