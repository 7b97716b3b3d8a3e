package dev.lamina.backend.tornado.vm;

import dev.lamina.backend.tornado.kernels.Attention;
import dev.lamina.backend.tornado.kernels.Elementwise;
import dev.lamina.backend.tornado.kernels.Folds;
import dev.lamina.backend.tornado.kernels.Layers;
import dev.lamina.backend.tornado.kernels.Movement;
import dev.lamina.backend.tornado.kernels.Products;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.common.TornadoFunctions.Task8;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.LongArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;

/** Which method runs under each name that the SDK's grid kernels launch. */
final class KernelTable {
  /** A kernel: its struct as ints and as floats, then the memory five times. */
  interface GridTask
      extends Task8<
          KernelContext,
          IntArray,
          FloatArray,
          ByteArray,
          ShortArray,
          IntArray,
          FloatArray,
          LongArray> {}

  /**
   * A kernel.
   *
   * @param name as TornadoVM's task and in messages
   * @param task a method reference: TornadoVM finds the method by it
   */
  record Entry(String name, GridTask task) {}

  private final List<Entry> entries = new ArrayList<>();
  private final Map<String, Integer> indices = new HashMap<>();

  /** All kernels. */
  KernelTable() {
    add("copy_strided", Movement::copyStrided);
    add("iota", Movement::iota);
    add("box", Movement::box);
    add("fill", Movement::fill);
    add("copy_range", Movement::copyRange);
    add("gather_rows", Movement::gatherRows);
    add("scatter_rows", Movement::scatterRows);
    add("scatter_pairs", Movement::scatterPairs);
    add("scatter_add", Movement::scatterAdd);
    add("check_distinct", Movement::checkDistinct);
    add("elementwise", Elementwise::elementwise);
    add("add_f32", Elementwise::add);
    add("fold_thread", Folds::fold);
    alias("fold_block", "fold_thread");
    add("scan", Folds::scan);
    add("matmul", Folds::matmul);
    add("pick", Folds::pick);
    add("topk_rows", Folds::topRows);
    alias("sort_rows", "topk_rows");
    add("argmax_rows", Folds::argmaxRows);
    add("rms_norm_block", Layers::rmsNorm);
    alias("rms_norm_warp", "rms_norm_block");
    add("rope", Layers::rope);
    add("linear_any", Products::linear);
    alias("linear_tile", "linear_any");
    add("moe_linear_any", Products::experts);
    add("kv_append", Attention::append);
    alias("kv_append_eight", "kv_append");
    add("paged_attention_any", Attention::attention);
  }

  private void add(String name, GridTask task) {
    indices.put(name, entries.size());
    entries.add(new Entry(name, task));
  }

  private void alias(String name, String of) {
    indices.put(name, index(of));
  }

  /** The kernels, by their indices. */
  List<Entry> entries() {
    return entries;
  }

  /** The index of a kernel's name. */
  int index(String name) {
    Integer index = indices.get(name);
    if (index == null) {
      throw new IllegalArgumentException("tornado: no kernel of the name " + name);
    }
    return index;
  }
}
