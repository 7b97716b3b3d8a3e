package dev.lamina.models;

import dev.lamina.spi.BackendException;
import dev.lamina.spi.Bindings;
import dev.lamina.spi.Device;
import dev.lamina.spi.Executable;
import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.Weight;
import java.util.List;
import java.util.Map;

/**
 * A model on a device: its weights and its compiled step. Thread-safe. Owns both, but neither the
 * device nor the checkpoint, and no KV pool.
 */
public final class LoadedModel implements AutoCloseable {
  private final ModelPlan plan;
  private final Device device;
  private final Map<String, Weight> weights;
  private final Executable executable;

  private LoadedModel(
      ModelPlan plan, Device device, Map<String, Weight> weights, Executable executable) {
    this.plan = plan;
    this.device = device;
    this.weights = weights;
    this.executable = executable;
  }

  static LoadedModel load(ModelPlan plan, Device device, LoadListener listener)
      throws BackendException {
    GraphCompilation compilation =
        new GraphCompilation(device, plan.graph(), plan.options().compile());
    Map<String, Weight> weights = Map.of();
    try {
      weights = new WeightLoader(plan.weights(), device, listener).load();
      listener.progress(LoadListener.Phase.COMPILE, 0, 1);
      Executable executable = compilation.await();
      listener.progress(LoadListener.Phase.COMPILE, 1, 1);
      return new LoadedModel(plan, device, weights, executable);
    } catch (BackendException | RuntimeException | Error e) {
      compilation.abandon(e);
      weights.values().forEach(Weight::close);
      throw e;
    }
  }

  /**
   * What it was made of.
   *
   * @return graph, architecture, options
   */
  public ModelPlan plan() {
    return plan;
  }

  /**
   * Where it is.
   *
   * @return the device
   */
  public Device device() {
    return device;
  }

  /**
   * The compiled step.
   *
   * @return open until this is closed
   */
  public Executable executable() {
    return executable;
  }

  /**
   * Its weights.
   *
   * @return one a weight input of the graph
   */
  public List<Weight> weights() {
    return List.copyOf(weights.values());
  }

  /**
   * Makes arguments of a step with the weights bound; pools, step tensors and symbols are the
   * caller's to bind.
   *
   * @return new bindings
   * @throws InvalidProgram if the device no longer takes a weight
   */
  public Bindings newBindings() throws InvalidProgram {
    Bindings bindings = executable.newBindings();
    for (Map.Entry<String, Weight> w : weights.entrySet()) {
      bindings.weight(executable.slot(w.getKey()), w.getValue());
    }
    return bindings;
  }

  @Override
  public void close() {
    executable.close();
    weights.values().forEach(Weight::close);
  }
}
