package dev.lamina.scheduler;

import dev.lamina.spi.BackendException;
import dev.lamina.spi.Executable;
import dev.lamina.spi.Slot;
import dev.lamina.spi.State;
import dev.lamina.spi.Weight;
import dev.lamina.spi.ir.StepSlots;
import java.util.Map;

/** A form of the model's step, bound to its weights and pools, with the places of its symbols. */
final class StepProgram {
  final Program program;
  private final int tokens;
  private final int sequences;
  private final int bounds;
  private final int pages;
  private final int rows;

  /**
   * @throws BackendException when the device refuses a weight or a pool
   * @throws IllegalArgumentException when the executable wants a weight that is not there
   */
  StepProgram(CompiledModel model, Executable forward, Map<String, Weight> weights)
      throws BackendException {
    this.program = new Program(forward);
    this.tokens = program.dim(model.slots().tokens().name());
    this.sequences = program.dim(model.slots().sequences().name());
    this.bounds = program.dim(model.slots().bounds().name());
    this.pages = program.dim(model.slots().pages().name());
    this.rows = program.dim(model.slots().rows().name());
    for (int g = 0; g < model.groups().size(); g++) {
      String pool = StepSlots.kvPool(g);
      program.bindings.state(forward.slot(pool), model.states().get(g));
      program.want(program.dim("slots." + pool), model.states().get(g).numSlots());
    }
    State recurrent = model.recurrent();
    if (recurrent != null) {
      program.bindings.state(forward.slot(StepSlots.RECURRENT), recurrent);
      program.want(program.dim("slots." + StepSlots.RECURRENT), recurrent.numSlots());
    }
    for (Slot slot : forward.slots()) {
      if (slot.kind() == Slot.Kind.WEIGHT) {
        Weight weight = weights.get(slot.name());
        if (weight == null) {
          throw new IllegalArgumentException(
              "forward pass: expected a weight '%s' of type %s, the model holds %d weights without it"
                  .formatted(slot.name(), slot.type(), weights.size()));
        }
        program.bindings.weight(slot.ordinal(), weight);
      }
    }
  }

  /** Sets the step's sizes, rounded up to what the executable prefers. */
  void bindDims(ScheduledBatch batch, int maxBlocks) throws BackendException {
    program.want(tokens, batch.numTokens());
    program.want(sequences, batch.numSeqs());
    program.want(bounds, batch.numSeqs() + 1L);
    program.want(pages, maxBlocks);
    program.want(rows, Math.max(1, batch.numLogits()));
    program.bucket();
    program.bind(tokens, program.value(tokens));
    program.bind(sequences, program.value(sequences));
    program.bind(bounds, program.value(sequences) + 1);
    program.bind(pages, numPages());
    program.bind(rows, program.value(rows));
  }

  long numTokens() {
    return program.value(tokens);
  }

  long numSequences() {
    return program.value(sequences);
  }

  /** Columns of the block tables; without keys and values there are none, nor their symbol. */
  long numPages() {
    return pages < 0 ? 1 : program.value(pages);
  }

  long numRows() {
    return program.value(rows);
  }
}
