package dev.lamina.models;

import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.StepSlots;
import java.util.ArrayList;
import java.util.List;

/**
 * Layers whose keys and values share one block table and one rule for how long pages live.
 *
 * @param layers what each layer of the group stores
 * @param window positions that any of its layers still reads, 0 = all; pages further back may be
 *     freed
 */
public record KvGroup(List<LayerKv> layers, long window) {
  /** Copies the list. */
  public KvGroup {
    layers = List.copyOf(layers);
  }

  /**
   * Keys and values of one layer, or latents that are both.
   *
   * @param layer 0-based
   * @param numKvHeads heads of both
   * @param keyDim width of a key
   * @param valueDim width of a value; 0 if it is the beginning of its key, which is then one entry
   *     {@code latent}
   * @param indexDim width of the key by which positions are chosen, entry {@code index}; 0 = none
   */
  public record LayerKv(int layer, int numKvHeads, int keyDim, int valueDim, int indexDim) {
    /** A layer that looks at all positions. */
    public LayerKv(int layer, int numKvHeads, int keyDim, int valueDim) {
      this(layer, numKvHeads, keyDim, valueDim, 0);
    }
  }

  /**
   * The group of a decoder whose layers are all alike.
   *
   * @param shape the decoder's sizes
   * @param window positions any layer reads, 0 = all
   * @return the group
   */
  public static KvGroup of(DecoderShape shape, long window) {
    List<LayerKv> layers = new ArrayList<>();
    for (int i = 0; i < shape.numLayers(); i++) {
      layers.add(new LayerKv(i, shape.numKvHeads(), shape.headDim(), shape.headDim()));
    }
    return new KvGroup(layers, window);
  }

  /**
   * The groups of a decoder whose layers may differ in heads and in how far back they read: one for
   * the layers that read all, one for those that don't.
   *
   * @param attention a spec a layer
   * @return one group or two
   */
  public static List<KvGroup> groups(List<AttentionSpec> attention) {
    List<LayerKv> far = new ArrayList<>();
    List<LayerKv> near = new ArrayList<>();
    long window = 0;
    for (int i = 0; i < attention.size(); i++) {
      DecoderShape shape = attention.get(i).shape();
      long reach = attention.get(i).reach();
      (reach == 0 ? far : near)
          .add(new LayerKv(i, shape.numKvHeads(), shape.headDim(), shape.headDim()));
      window = Math.max(window, reach);
    }
    return of(far, near, window);
  }

  /**
   * One group or two.
   *
   * @param far layers that read all
   * @param near layers that don't
   * @param window positions that any of these reads
   * @return a group for either that has layers
   */
  public static List<KvGroup> of(List<LayerKv> far, List<LayerKv> near, long window) {
    List<KvGroup> groups = new ArrayList<>();
    if (!far.isEmpty()) {
      groups.add(new KvGroup(far, 0));
    }
    if (!near.isEmpty()) {
      groups.add(new KvGroup(near, window));
    }
    return groups;
  }

  /**
   * The group of a decoder whose layers keep latents.
   *
   * @param attention a spec a layer
   * @return the group
   */
  public static KvGroup ofLatents(List<MlaSpec> attention) {
    List<LayerKv> layers = new ArrayList<>();
    for (int i = 0; i < attention.size(); i++) {
      MlaSpec spec = attention.get(i);
      layers.add(new LayerKv(i, 1, spec.latentWidth(), 0, spec.indexDim()));
    }
    return new KvGroup(layers, 0);
  }

  /**
   * The pool of this group.
   *
   * @param group 0-based position in the model's list
   * @param slotsPerPage tokens of a page
   * @param dtype of keys and values
   * @return entries {@code k} and {@code v}, or {@code latent}, for each layer
   */
  public StateSpec pool(int group, int slotsPerPage, DType dtype) {
    List<StateSpec.Entry> entries = new ArrayList<>();
    for (LayerKv l : layers) {
      if (l.indexDim > 0) {
        entries.add(new StateSpec.Entry("index", l.layer, dtype, List.of(1, l.indexDim)));
      }
      List<Integer> key = List.of(l.numKvHeads, l.keyDim);
      if (l.valueDim == 0) {
        entries.add(new StateSpec.Entry("latent", l.layer, dtype, key));
        continue;
      }
      entries.add(new StateSpec.Entry("k", l.layer, dtype, key));
      entries.add(new StateSpec.Entry("v", l.layer, dtype, List.of(l.numKvHeads, l.valueDim)));
    }
    String name = StepSlots.kvPool(group);
    return new StateSpec(name, slotsPerPage, StepSlots.poolSlots(name, slotsPerPage), entries);
  }
}
