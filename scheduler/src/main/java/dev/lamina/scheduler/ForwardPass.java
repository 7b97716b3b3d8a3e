package dev.lamina.scheduler;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.lamina.spi.BackendException;
import dev.lamina.spi.Executable;
import dev.lamina.spi.Slot;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.StepSlots;
import dev.lamina.spi.ir.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Runs {@link ScheduledBatch}es through a model: binds, pads to the executable's bucket, submits.
 *
 * <p>Padding as {@link StepSlots} says: token -1, slot -1, a sequence of no tokens, row -1. One
 * thread at a time.
 */
public final class ForwardPass implements AutoCloseable {
  private final CompiledModel model;
  private final StepQueue queue;
  private final StepProgram plain;
  private @Nullable StepProgram adapted;

  /** What ran last. */
  private StepProgram current;

  private final StepInputs inputs;
  private final StepInputs adapterInputs;
  private final Map<String, StepBuffer> outputs = new LinkedHashMap<>();
  private final Map<String, StepOutputs> outputMemories = new LinkedHashMap<>();
  private final List<StepBuffer> outputList;
  private final StepBuffer tokenIds;

  /** Only where steps take tokens that the step before them samples. */
  private final @Nullable StepBuffer sampledRows;

  private final @Nullable NextTokenIds next;
  private final StepBuffer positions;
  private final StepBuffer cuSeqlensQ;
  private final StepBuffer kvLens;
  private final StepBuffer logitsIndices;
  private final StepBuffer[] slotMapping;
  private final StepBuffer[] blockTable;
  private final @Nullable StepBuffer contextLimits;
  private final @Nullable StepBuffer stateReads;
  private final @Nullable StepBuffer stateWrites;
  private final StepBuffer logits;
  private final StepBuffer adapterIds;
  private final int numSections;

  /**
   * Binds the model's weights and pools.
   *
   * @throws BackendException when the device refuses one, or has no queue to give
   * @throws IllegalArgumentException when the executable lacks a slot of {@link StepSlots}, or
   *     wants a weight that the model does not hold
   */
  public ForwardPass(CompiledModel model) throws BackendException {
    this(model, null);
  }

  /** As public, with tokens from the ids that the step before samples, if there are any. */
  ForwardPass(CompiledModel model, @Nullable SampledIds sampled) throws BackendException {
    this.model = model;
    this.inputs = new StepInputs(model.device());
    this.adapterInputs = new StepInputs(model.device());
    this.queue = new StepQueue(model.device());
    this.plain = new StepProgram(model, model.forward(), model.weights());
    this.current = plain;
    this.tokenIds = addInput(StepSlots.TOKEN_IDS);
    if (sampled == null) {
      this.sampledRows = null;
      this.next = null;
    } else {
      StepBuffer rows = inputs.add(tokenIds.type());
      this.sampledRows = rows;
      NextTokenIds made =
          new NextTokenIds(model.device(), model.slots(), tokenIds, rows, sampled.buffer());
      this.next = made;
      plain.program.buffer(model.forward().slot(StepSlots.TOKEN_IDS), made.buffer());
    }
    this.positions = addInput(StepSlots.POSITIONS);
    this.cuSeqlensQ = addInput(StepSlots.CU_SEQLENS_Q);
    this.kvLens = addInput(StepSlots.KV_LENS);
    this.logitsIndices = addInput(StepSlots.LOGITS_INDICES);
    this.slotMapping = new StepBuffer[model.groups().size()];
    this.blockTable = new StepBuffer[slotMapping.length];
    for (int g = 0; g < slotMapping.length; g++) {
      slotMapping[g] = addInput(StepSlots.slotMapping(g));
      blockTable[g] = addInput(StepSlots.blockTable(g));
    }
    this.contextLimits =
        has(model.forward(), StepSlots.CONTEXT_LIMITS) ? addInput(StepSlots.CONTEXT_LIMITS) : null;
    boolean keepsState = model.recurrent() != null;
    this.stateReads = keepsState ? addInput(StepSlots.STATE_READS) : null;
    this.stateWrites = keepsState ? addInput(StepSlots.STATE_WRITES) : null;
    this.adapterIds = adapterInputs.add(TensorType.of(DType.I32, model.slots().tokens()));
    for (Slot slot : model.forward().slots()) {
      if (slot.kind() == Slot.Kind.OUTPUT) {
        StepOutputs memory = new StepOutputs(model.device());
        outputMemories.put(slot.name(), memory);
        StepBuffer buffer = memory.add(tensorType(slot));
        outputs.put(slot.name(), buffer);
        plain.program.buffer(slot.ordinal(), buffer);
      }
    }
    this.outputList = List.copyOf(outputs.values());
    this.logits = output(StepSlots.LOGITS);
    this.numSections = (int) positions.type().shape().dim(0).upperBound();
  }

  /**
   * From the next {@link #run} on, steps with adapters run this; between runs only.
   *
   * @param step of the same model, null = there are no adapters any more
   * @throws BackendException when the device refuses a weight or a pool; the step before stays
   * @throws IllegalArgumentException when its slots are not those of the plain step
   */
  public void adopt(@Nullable AdaptedStep step) throws BackendException {
    if (step == null) {
      adapted = null;
      return;
    }
    StepProgram bound = new StepProgram(model, step.forward(), step.weights());
    for (Slot slot : step.forward().slots()) {
      switch (slot.kind()) {
        case STATE, WEIGHT -> {}
        case INPUT -> bound.program.buffer(slot.ordinal(), inputOfAdapted(slot.name()));
        case OUTPUT -> bound.program.buffer(slot.ordinal(), output(slot.name()));
      }
    }
    adapted = bound;
  }

  private StepBuffer inputOfAdapted(String name) {
    if (name.equals(StepSlots.ADAPTER_IDS)) {
      return adapterIds;
    }
    return input(name);
  }

  /**
   * Submits a step; {@link #await} waits for it.
   *
   * @param batch at least one token; free to change once this returns
   * @throws IllegalStateException when a token has an adapter and no step with adapters was
   *     adopted, or is one that the step before samples and this pass was not made for that
   */
  public void run(ScheduledBatch batch) throws BackendException {
    if (batch.hasSampledTokens() && next == null) {
      throw new IllegalStateException(
          "forward pass: expected token ids that are known, got some that a step has yet to sample");
    }
    current = batch.hasAdapters() ? withAdapters() : plain;
    bindDims(batch);
    List<StepBuffer> parts = inputs.parts();
    for (int i = 0; i < parts.size(); i++) {
      current.program.ensure(parts.get(i));
    }
    for (int i = 0; i < outputList.size(); i++) {
      current.program.ensure(outputList.get(i));
    }
    fill(batch);
    if (current != plain) {
      current.program.ensure(adapterIds);
      copy(batch.adapterIds(), batch.numTokens(), adapterIds.host(), 0, current.numTokens(), -1);
      adapterInputs.upload(queue);
    }
    inputs.upload(queue);
    if (next != null) {
      next.submit(current.numTokens(), queue);
    }
    current.program.submit(queue);
  }

  private StepProgram withAdapters() {
    StepProgram step = adapted;
    if (step == null) {
      throw new IllegalStateException(
          "forward pass: expected a step with adapters to be adopted before one is asked for");
    }
    return step;
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
    Optional<MemorySegment> shared = logits.view().buffer().host();
    if (shared.isPresent()) {
      queue.await();
      return shared.get();
    }
    StepOutputs memory = Objects.requireNonNull(outputMemories.get(StepSlots.LOGITS));
    memory.download(queue, 0);
    queue.await();
    return memory.host(0);
  }

  @Override
  public void close() {
    queue.close();
    if (next != null) {
      next.close();
    }
    inputs.close();
    adapterInputs.close();
    outputMemories.values().forEach(StepOutputs::close);
  }

  StepQueue queue() {
    return queue;
  }

  /** The logits on the device: {@code [R, V]}, R as {@link #numRows}. */
  StepBuffer logits() {
    return logits;
  }

  /** What an input of the plain step is read from, on the device. */
  StepBuffer input(String name) {
    return plain.program.bufferOf(model.forward().slot(name));
  }

  /** Tokens of the last run, padding included. */
  long numTokens() {
    return current.numTokens();
  }

  /** Rows of the last run, padding included. */
  long numRows() {
    return current.numRows();
  }

  private void bindDims(ScheduledBatch batch) throws BackendException {
    int maxBlocks = 1;
    for (int g = 0; g < batch.numGroups(); g++) {
      for (int s = 0; s < batch.numSeqs(); s++) {
        maxBlocks = Math.max(maxBlocks, batch.group(g).numBlocks(s));
      }
    }
    current.bindDims(batch, maxBlocks);
  }

  private void fill(ScheduledBatch batch) throws BackendException {
    int numTokens = batch.numTokens();
    long paddedTokens = current.numTokens();
    long paddedSeqs = current.numSequences();
    copy(batch.tokenIds(), numTokens, tokenIds.host(), 0, paddedTokens, -1);
    if (sampledRows != null) {
      copy(batch.sampledRows(), numTokens, sampledRows.host(), 0, paddedTokens, -1);
    }
    for (int section = 0; section < numSections; section++) {
      long at = section * paddedTokens;
      copy(batch.positions(), numTokens, positions.host(), at, paddedTokens, 0);
    }
    if (contextLimits != null) {
      copy(batch.contextLimits(), numTokens, contextLimits.host(), 0, paddedTokens, 0);
    }
    copy(batch.cuSeqlensQ(), batch.numSeqs() + 1, cuSeqlensQ.host(), 0, paddedSeqs + 1, numTokens);
    copy(batch.kvLens(), batch.numSeqs(), kvLens.host(), 0, paddedSeqs, 0);
    long rows = current.numRows();
    copy(batch.logitsIndices(), batch.numLogits(), logitsIndices.host(), 0, rows, -1);
    if (stateReads != null && stateWrites != null) {
      copy(batch.stateReads(), batch.numSeqs(), stateReads.host(), 0, paddedSeqs, -1);
      copy(batch.stateWrites(), batch.numSeqs(), stateWrites.host(), 0, paddedSeqs, -1);
    }
    for (int g = 0; g < slotMapping.length; g++) {
      KvGroupBatch group = batch.group(g);
      copy(group.slotMapping(), numTokens, slotMapping[g].host(), 0, paddedTokens, -1);
      fillBlockTable(group, batch.numSeqs(), paddedSeqs, blockTable[g].host());
    }
  }

  private void fillBlockTable(
      KvGroupBatch group, int numSeqs, long paddedSeqs, MemorySegment table) {
    long pages = current.numPages();
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

  private static boolean has(Executable forward, String name) {
    for (Slot slot : forward.slots()) {
      if (slot.name().equals(name)) {
        return true;
      }
    }
    return false;
  }

  private StepBuffer addInput(String name) {
    int slot = model.forward().slot(name);
    StepBuffer buffer = inputs.add(tensorType(model.forward().slots().get(slot)));
    plain.program.buffer(slot, buffer);
    return buffer;
  }

  private StepBuffer output(String name) {
    StepBuffer buffer = outputs.get(name);
    if (buffer == null) {
      throw new IllegalArgumentException(
          "forward pass: expected an output '" + name + "', the executable has none");
    }
    return buffer;
  }

  private static TensorType tensorType(Slot slot) {
    if (slot.type() instanceof TensorType type) {
      return type;
    }
    throw new IllegalArgumentException(
        "forward pass: expected a tensor in slot '" + slot.name() + "', got " + slot.type());
  }
}
