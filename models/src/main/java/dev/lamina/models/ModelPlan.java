package dev.lamina.models;

import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.Device;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.GraphException;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.StepSlots;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A model's step as a graph with the weights it needs, before any device sees it.
 *
 * @param checkpoint where it comes from
 * @param options how it was planned
 * @param graph one step, with inputs and outputs by {@link StepSlots}
 * @param slots the step's symbols
 * @param weights what to bind to the graph's weight inputs
 * @param adapted projections that adapters may add to; their weights are not among {@code weights}
 * @param unused tensors of the checkpoint that the graph does not read
 * @param lengthScaling how sequences differ by how long they may become, null if they don't
 * @param activations dtype of activations
 * @param kvDtype dtype of keys and values
 */
public record ModelPlan(
    Checkpoint checkpoint,
    ModelOptions options,
    Graph graph,
    StepSlots slots,
    List<WeightTable.Planned> weights,
    List<LoraModule> adapted,
    List<String> unused,
    @Nullable LengthScaling lengthScaling,
    DType activations,
    DType kvDtype) {
  /** Copies the lists. */
  public ModelPlan {
    weights = List.copyOf(weights);
    adapted = List.copyOf(adapted);
    unused = List.copyOf(unused);
  }

  /**
   * Builds the graph.
   *
   * @param checkpoint the model
   * @param options limits and precision
   * @return the plan
   * @throws ModelException if a weight is missing or misshapen, sizes do not fit each other, or a
   *     sequence would be longer than the model is made for
   */
  public static ModelPlan of(Checkpoint checkpoint, ModelOptions options) throws ModelException {
    Architecture architecture = checkpoint.architecture();
    int maxPositions = architecture.maxContext();
    if (options.maxModelLen() > maxPositions) {
      throw new ModelException(
          "plan %s: expected sequences of at most %d tokens (max_position_embeddings), got %d; ask"
                  .formatted(checkpoint.name(), maxPositions, options.maxModelLen())
              + " for fewer");
    }
    DType kvDtype = options.kvDtype(checkpoint.tensors().weightsDtype());
    ModelPlan plan;
    try {
      plan = built(checkpoint, options, kvDtype);
    } catch (GraphException e) {
      throw new ModelException(
          "plan %s: config.json: expected sizes that fit each other, got %s; correct the file or fetch it again"
              .formatted(checkpoint.name(), e.getMessage()),
          e);
    }
    plan.warnOfUnused();
    return plan;
  }

  private static ModelPlan built(Checkpoint checkpoint, ModelOptions options, DType kvDtype)
      throws ModelException {
    Architecture architecture = checkpoint.architecture();
    Ops ops = new Ops(checkpoint.modelType());
    WeightTable table = new WeightTable(ops, checkpoint.tensors(), architecture.weightNames());
    Layers layers = new Layers(ops, table, architecture, options, kvDtype);
    architecture.build(layers);
    return new ModelPlan(
        checkpoint,
        options,
        layers.build(),
        options.slots(architecture.maxContext()),
        table.planned(),
        layers.adapted(),
        table.unused(),
        layers.lengths.scaling(),
        options.activations(),
        kvDtype);
  }

  private void warnOfUnused() {
    // Older checkpoints carry the frequencies that are computed here.
    List<String> odd = unused.stream().filter(n -> !n.endsWith("rotary_emb.inv_freq")).toList();
    if (!odd.isEmpty()) {
      log()
          .log(
              System.Logger.Level.WARNING,
              "load {0}: {1} tensors are not part of {2} and stay unused, the first is ''{3}''",
              checkpoint.name(),
              odd.size(),
              checkpoint.modelType(),
              odd.getFirst());
    }
  }

  /**
   * Longest sequence that fits the plan.
   *
   * @return tokens
   */
  public int maxModelLen() {
    return options.maxModelLen(checkpoint.architecture().maxContext());
  }

  /**
   * The pools of keys and values, in the order of the KV groups.
   *
   * @return what each slot of each pool holds
   */
  public List<StateSpec> pools() {
    List<KvGroup> groups = checkpoint.architecture().kvGroups();
    List<StateSpec> pools = new ArrayList<>();
    for (int g = 0; g < groups.size(); g++) {
      pools.add(groups.get(g).pool(g, options.slotsPerPage(), kvDtype));
    }
    return List.copyOf(pools);
  }

  /**
   * The pool of what is kept of a sequence whatever its length; a slot is a sequence.
   *
   * @return null if the model keeps nothing of the kind
   */
  public @Nullable StateSpec recurrentPool() {
    List<StateSpec.Entry> kept = checkpoint.architecture().recurrentState();
    return kept.isEmpty() ? null : RecurrentPool.spec(kept);
  }

  /**
   * Gives the weights to a device and compiles the graph there.
   *
   * @param device stays open for as long as the model
   * @param listener hears the progress
   * @return the model; the caller closes it before checkpoint and device
   * @throws BackendException if the device refuses or runs out of memory; nothing is left on it
   */
  public LoadedModel load(Device device, LoadListener listener) throws BackendException {
    return LoadedModel.load(this, device, listener);
  }

  // Made when there is something to say: the first logger of a process costs its start 35 ms.
  private static System.Logger log() {
    return System.getLogger(ModelPlan.class.getName());
  }
}
