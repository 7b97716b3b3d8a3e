package dev.lamina.backend.reference.mutant;

/** One instruction of cpu-vector's kernels changed. */
final class CpuVectorMutants {
  private static final String KERNELS = "dev.lamina.backend.cpuvector.kernels.";

  private CpuVectorMutants() {}

  static void addTo(MutantList list) {
    products(list);
    attention(list);
    rows(list);
    recurrence(list);
  }

  private static void kernel(MutantList list, String type, String method, String change, int nth) {
    list.code(new CodeChange(KERNELS + type, method, change, nth));
  }

  private static void vectorKernel(
      MutantList list, String type, String method, String change, int nth) {
    list.vectorCode(new CodeChange(KERNELS + type, method, change, nth));
  }

  private static void products(MutantList list) {
    list.area("products of cpu-vector", "linear/*");
    kernel(list, "Linear$Dots", "finish", "IF_ICMPGE -> IF_ICMPLT", 1);
    kernel(list, "Linear$Dots", "store", "FADD -> FSUB", 1);
    kernel(list, "Dot", "tail", "IF_ICMPGE -> IF_ICMPLT", 1);
    kernel(list, "Dot", "tail", "IADD -> ISUB", 1);
    kernel(list, "Linear$Blocks", "write", "IADD -> ISUB", 3);
    kernel(list, "Linear$Blocks", "write", "LADD -> LSUB", 1);
    list.area("products of cpu-vector", "linear/*x96/limit,*");
    kernel(list, "Linear$Blocks", "multiply", "512 -> 513", 2);
    vectorKernel(list, "Linear$Blocks", "multiply", "512 -> 513", 1);
    list.area("products of cpu-vector", "linear/*w=bf16*");
    kernel(list, "Pack", "brainRow", "16 -> 17", 1);
    kernel(list, "Pack", "brainRow", "IADD -> ISUB", 3);
    list.area("products of cpu-vector", "moe_linear/*");
    kernel(list, "Experts", "sort", "IFLT -> IFLE", 1);
  }

  private static void attention(MutantList list) {
    list.area("attention of cpu-vector", "paged_attention/*");
    kernel(list, "AttentionSpec", "from", "1L -> 0L", 1);
    kernel(list, "AttentionSpec", "from", "max -> min", 2);
    kernel(list, "AttentionSpec", "to", "1L -> 0L", 1);
    kernel(list, "AttentionSpec", "to", "1L -> 0L", 2);
    kernel(list, "AttentionTile", "run", "without fill", 1);
    kernel(list, "AttentionTile", "run", "without fill", 2);
    kernel(list, "AttentionTile", "run", "without fill", 3);
    kernel(list, "AttentionTile", "pack", "IREM -> IDIV", 3);
    kernel(list, "AttentionTile", "softmax", "FSUB -> FADD", 1);
    kernel(list, "AttentionTile", "softmax", "without scale", 1);
    kernel(list, "AttentionTile", "softmax", "without scale", 2);
    kernel(list, "AttentionTile", "softmax", "without fill", 1);
    kernel(list, "AttentionTile", "softmax", "without fill", 2);
    kernel(list, "AttentionTile", "store", "FSUB -> FADD", 2);
    kernel(list, "AttentionTile", "store", "IREM -> IDIV", 1);
    list.area("attention of cpu-vector", "paged_attention/*/special-values,*");
    kernel(list, "AttentionTile", "gather", "64 -> 65", 5);
    list.area("attention of cpu-vector", "kv_append/*");
    kernel(list, "Append", "run", "IFLT -> IFLE", 1);
  }

  private static void rows(MutantList list) {
    list.area("rows of cpu-vector", "rms_norm/*", "layer_norm/*");
    kernel(list, "Norms", "normalise", "FSUB -> FADD", 1);
    kernel(list, "Norms", "normalise", "DADD -> DSUB", 1);
    list.area("rows of cpu-vector", "rope/*");
    kernel(list, "Rope", "halves", "FSUB -> FADD", 1);
    kernel(list, "Rope", "interleaved", "IADD -> ISUB", 5);
    kernel(list, "Rope", "angles", "IMUL -> IADD", 3);
    list.area("rows of cpu-vector", "penalties/*");
    kernel(list, "LogitsRows", "penalise", "FDIV -> FMUL", 1);
    list.area("rows of cpu-vector", "sample/*");
    kernel(list, "Draw", "likely", "FSUB -> FADD", 1);
    kernel(list, "Draw", "bestOfKept", "DADD -> DSUB", 2);
    kernel(list, "Draw", "noisy", "FADD -> FSUB", 1);
  }

  private static void recurrence(MutantList list) {
    list.area("recurrence of cpu-vector", "gated_delta/*", "ssd_scan/*");
    kernel(list, "Recurrence", "run", "IFGE -> IFGT", 1);
    kernel(list, "Recurrence", "run", "IFLT -> IFLE", 1);
    kernel(list, "Recurrence", "run", "without clearOthers", 1);
    kernel(list, "Recurrence", "row", "FMUL -> FDIV", 1);
    kernel(list, "Recurrence", "row", "FSUB -> FADD", 1);
    kernel(list, "Recurrence", "row", "without fill", 2);
    kernel(list, "Recurrence", "decayAndRead", "FADD -> FSUB", 1);
    list.area("recurrence of cpu-vector", "causal_conv1d/*");
    kernel(list, "Convolution", "addProduct", "FADD -> FSUB", 1);
    kernel(list, "Convolution", "run", "IREM -> IDIV", 5);
    kernel(list, "SequenceSlots", "clearOthers", "LSUB -> LADD", 1);
  }
}
