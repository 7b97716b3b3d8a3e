package dev.lamina.models;

import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.models.checkpoint.TensorSource;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.StateSpec;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What is worth knowing of a model before it is loaded.
 *
 * @param modelType the family's name of it
 * @param shape its sizes
 * @param parameters elements over all tensors of the files
 * @param dtypes elements by storage format, in order of the files
 * @param components memory of the weights by part of the model, in order of use
 * @param kvBytesPerToken memory of one token's keys and values, over all layers
 * @param activations dtype of activations
 * @param kvDtype dtype of keys and values
 * @param maxModelLen longest sequence of the plan
 */
public record ModelSummary(
    String modelType,
    DecoderShape shape,
    long parameters,
    Map<String, Long> dtypes,
    List<Component> components,
    long kvBytesPerToken,
    DType activations,
    DType kvDtype,
    int maxModelLen) {

  /**
   * A part of the model.
   *
   * @param name such as {@code embed}, {@code attn}, {@code mlp}
   * @param parameters its elements
   * @param bytes its weights as they lie in the files
   */
  public record Component(String name, long parameters, long bytes) {
    /** What was computed, such as rotary frequencies, takes memory but is no parameter. */
    private Component plus(WeightTable.Planned w, TensorSource tensors) {
      boolean stored = tensors.find(w.spec().name()) != null;
      long elements = stored ? w.spec().type().shape().elements() : 0;
      return new Component(name, parameters + elements, bytes + w.byteSize());
    }
  }

  /** Copies the collections. */
  public ModelSummary {
    dtypes = Collections.unmodifiableMap(new LinkedHashMap<>(dtypes));
    components = List.copyOf(components);
  }

  /**
   * Sums a plan up.
   *
   * @param plan of the model
   * @return the summary
   */
  public static ModelSummary of(ModelPlan plan) {
    Checkpoint checkpoint = plan.checkpoint();
    Map<String, Long> dtypes = new LinkedHashMap<>();
    for (StoredTensor t : checkpoint.tensors().tensors()) {
      dtypes.merge(t.format(), t.elements(), Long::sum);
    }
    Map<String, Component> components = new LinkedHashMap<>();
    for (WeightTable.Planned w : plan.weights()) {
      String part = part(w.input());
      Component sum = components.getOrDefault(part, new Component(part, 0, 0));
      components.put(part, sum.plus(w, checkpoint.tensors()));
    }
    return new ModelSummary(
        checkpoint.modelType(),
        checkpoint.architecture().shape(),
        checkpoint.parameters(),
        dtypes,
        new ArrayList<>(components.values()),
        plan.pools().stream().mapToLong(StateSpec::bytesPerSlot).sum(),
        plan.activations(),
        plan.kvDtype(),
        plan.maxModelLen());
  }

  /** {@code attn} of {@code layers.3.attn.q.weight}, {@code embed} of {@code embed.weight}. */
  private static String part(String input) {
    String[] names = input.split("\\.");
    return names[0].equals("layers") && names.length > 2 ? names[2] : names[0];
  }

  /**
   * Memory of all weights.
   *
   * @return bytes as they lie in the files
   */
  public long weightBytes() {
    return components.stream().mapToLong(Component::bytes).sum();
  }
}
