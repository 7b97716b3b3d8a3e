package dev.lamina.scheduler;

import dev.lamina.spi.BackendException;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.Device;
import dev.lamina.spi.Executable;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.StepSlots;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;

/**
 * Puts a step's token ids together on the device: those that the host knows, and those that the
 * step before it samples.
 */
final class NextTokenIds implements AutoCloseable {
  /** Name of its graph, and of the graph's inputs. */
  static final String GRAPH = "nextTokenIds";

  static final String KNOWN = "known";
  static final String ROWS = "rows";
  static final String SAMPLED = "sampled";

  private final StepOutputs memory;
  private final StepBuffer next;
  private final Executable executable;
  private final Program program;
  private final int tokensDim;

  /**
   * @param known I32 {@code [T]}, 0 where a row is named
   * @param rows I32 {@code [T]}, the row of {@code sampled}, -1 where the id is known
   * @param sampled I32 {@code [R]} with room for the largest R
   */
  NextTokenIds(
      Device device, StepSlots slots, StepBuffer known, StepBuffer rows, StepBuffer sampled)
      throws BackendException {
    this.memory = new StepOutputs(device);
    this.next = memory.add(known.type());
    this.executable = device.compile(graph(slots), CompileOptions.DEFAULT);
    this.program = new Program(executable);
    this.tokensDim = program.dim(slots.tokens().name());
    program.buffer(executable.slot(KNOWN), known);
    program.buffer(executable.slot(ROWS), rows);
    program.buffer(executable.slot(SAMPLED), sampled);
    program.buffer(executable.slot(StepSlots.TOKEN_IDS), next);
    program.bind(program.dim(slots.rows().name()), slots.rows().max());
  }

  /** A row below 0 gathers 0 (rule R8), so that a sum takes the one of the two that is there. */
  private static Graph graph(StepSlots slots) {
    Ops g = new Ops(GRAPH);
    Dim tokens = slots.tokens();
    Value known = g.tensor(KNOWN, TensorType.of(DType.I32, tokens));
    Value rows = g.tensor(ROWS, TensorType.of(DType.I32, tokens));
    Value sampled = g.tensor(SAMPLED, TensorType.of(DType.I32, slots.rows()));
    g.output(StepSlots.TOKEN_IDS, g.add(known, g.gather(sampled, rows, 0)));
    return g.build();
  }

  /** Where the token ids are after {@link #submit}: I32 {@code [T]}. */
  StepBuffer buffer() {
    return next;
  }

  /**
   * Submits behind the upload of its inputs.
   *
   * @param numTokens padding included
   */
  void submit(long numTokens, StepQueue queue) throws BackendException {
    program.bind(tokensDim, numTokens);
    program.ensure(next);
    program.submit(queue);
  }

  @Override
  public void close() {
    executable.close();
    memory.close();
  }
}
