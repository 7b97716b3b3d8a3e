package dev.lamina.backend.sdk;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Where the inputs, outputs, workspace and constants of one run lie. Filled in before a run. */
final class Memory {
  private final @Nullable MemorySegment[] inputs;
  private final long[] inputOffsets;
  private final @Nullable MemorySegment[] outputs;
  private final long[] outputOffsets;
  private MemorySegment workspace = MemorySegment.NULL;
  private long workspaceOffset;
  private final MemorySegment constants;

  Memory(int numInputs, int numOutputs, MemorySegment constants) {
    this.inputs = new @Nullable MemorySegment[numInputs];
    this.inputOffsets = new long[numInputs];
    this.outputs = new @Nullable MemorySegment[numOutputs];
    this.outputOffsets = new long[numOutputs];
    this.constants = constants;
  }

  void input(int i, MemorySegment segment, long offset) {
    inputs[i] = segment;
    inputOffsets[i] = offset;
  }

  void output(int i, MemorySegment segment, long offset) {
    outputs[i] = segment;
    outputOffsets[i] = offset;
  }

  void workspace(MemorySegment segment, long offset) {
    workspace = segment;
    workspaceOffset = offset;
  }

  MemorySegment constants() {
    return constants;
  }

  MemorySegment workspace() {
    return workspace;
  }

  long workspaceOffset() {
    return workspaceOffset;
  }

  /** Points a tensor at the start of a storage. */
  void bind(Tensor tensor, Storage storage, MemoryPlan plan) {
    int i = storage.index();
    switch (storage.kind()) {
      case INPUT -> tensor.bind(bound(inputs[i], "input", i), inputOffsets[i]);
      case OUTPUT -> tensor.bind(bound(outputs[i], "output", i), outputOffsets[i]);
      case WORKSPACE -> tensor.bind(workspace, workspaceOffset + plan.offset(i));
      case CONSTANT -> tensor.bind(constants, i);
    }
  }

  private static MemorySegment bound(@Nullable MemorySegment segment, String what, int i) {
    if (segment == null) {
      throw new IllegalStateException("run: " + what + " " + i + " is not bound");
    }
    return segment;
  }
}
