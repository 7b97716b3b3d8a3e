package dev.lamina.backend.reference.mutant;

/**
 * One instruction of the SDK or the reference changed: decompositions as they are, queues as they
 * are, offsets that overflow an int. {@code CodeSweep} tries every such change.
 */
final class CodeMutants {
  private static final String SDK = "dev.lamina.backend.sdk.";
  private static final String REFERENCE = "dev.lamina.backend.reference.";

  private CodeMutants() {}

  static void addTo(MutantList list) {
    list.area("decompositions", "paged_attention/*");
    attention(list);
    attentionTiles(list);
    list.area("decompositions", "linear/*");
    linear(list);
    layers(list);
    pools(list);
    logits(list);
    list.area("queue of the SDK", "queue/*", "timeline/*", "lifetime/*", "capture/*", "run/*");
    queues(list);
    offsets(list);
  }

  private static void sdk(MutantList list, String type, String method, String change, int nth) {
    add(list, SDK + type, method, change, nth);
  }

  private static void add(MutantList list, String type, String method, String change, int nth) {
    CodeChange c = new CodeChange(type, method, change, nth);
    list.code(c);
  }

  private static void attention(MutantList list) {
    sdk(list, "PageLoop", "allowed", "less -> atMost", 1);
    sdk(list, "PageLoop", "allowed", "less -> atMost", 2);
    sdk(list, "PageLoop", "allowed", "atMost -> less", 1);
    sdk(list, "PageLoop", "allowed", "and -> or", 3);
    sdk(list, "PageLoop", "attend", "1.0 -> 1.01", 1);
    sdk(list, "PageLoop", "attend", "1L -> 0L", 1);
    sdk(list, "PageLoop", "attend", "IFEQ -> IFNE", 2);
    sdk(list, "PageLoop", "body", "-1L -> 0L", 1);
    sdk(list, "PageLoop", "body", "MAX -> MIN", 1);
    sdk(list, "PageLoop", "body", "SUM -> MAX", 1);
    sdk(list, "PageLoop", "body", "sub -> add", 3);
    sdk(list, "PageLoop", "body", "mul -> div", 2);
    sdk(list, "PageLoop", "slots", "add -> sub", 1);
    sdk(list, "PageLoop", "logits", "TANH -> SIGMOID", 1);
    sdk(list, "AttentionDecomposition", "tokens", "atMost -> less", 1);
    sdk(list, "AttentionDecomposition", "tokens", "less -> atMost", 1);
    sdk(list, "AttentionDecomposition", "tokens", "-1L -> 0L", 2);
  }

  /** Bugs that a few cases show, which are asked first. */
  private static void attentionTiles(MutantList list) {
    list.area("decompositions", "paged_attention/*chunk-of-1*");
    sdk(list, "PageLoop", "allowed", "0L -> 1L", 2);
    list.area("decompositions", "paged_attention/*no-tokens*");
    sdk(list, "AttentionDecomposition", "tiles", "-1L -> 0L", 1);
    list.area("decompositions", "paged_attention/*/prefill*", "paged_attention/*/65-rows*");
    sdk(list, "AttentionDecomposition", "tileBody", "less -> atMost", 1);
    sdk(list, "AttentionDecomposition", "tileBody", "add -> sub", 1);
  }

  private static void linear(MutantList list) {
    sdk(list, "LinearDecomposition", "plain", "F32 -> F16", 1);
    list.area("decompositions", "linear/*three-axes*", "linear/*constant*");
    sdk(list, "LinearDecomposition", "plain", "IF_ICMPNE -> IF_ICMPEQ", 1);
    sdk(list, "LinearDecomposition", "plain", "IFEQ -> IFNE", 1);
  }

  private static void layers(MutantList list) {
    list.area("decompositions", "linear/*w=q*", "embedding/1/q*");
    sdk(list, "Dequantisation", "piece", "1L -> 0L", 1);
    sdk(list, "Dequantisation", "levels", "plus -> times", 1);
    sdk(list, "Dequantisation", "values", "mul -> div", 1);
    sdk(list, "Dequantisation", "written", "F16 -> BF16", 1);
    list.area("decompositions", "rms_norm/*", "layer_norm/*");
    sdk(list, "NormDecomposition", "rms", "1.0 -> 1.01", 1);
    sdk(list, "NormDecomposition", "layer", "sub -> add", 1);
    sdk(list, "NormDecomposition", "inverseRoot", "plus -> times", 1);
    sdk(list, "NormDecomposition", "perColumn", "F32 -> F16", 1);
    list.area("decompositions", "rope/*");
    sdk(list, "RopeDecomposition", "rope", "NEOX -> INTERLEAVED", 1);
    sdk(list, "RopeDecomposition", "rope", "sub -> add", 1);
    sdk(list, "RopeDecomposition", "rope", "IFLE -> IFGT", 1);
    sdk(list, "RopeDecomposition", "angles", "F32 -> F16", 1);
    sdk(list, "RopeDecomposition", "everySecond", "2L -> 3L", 1);
    list.area("decompositions", "gated_activation/*");
    sdk(list, "ActivationDecomposition", "geluTanh", "0.044715 -> 0.04516215", 1);
    sdk(list, "ActivationDecomposition", "halved", "1.0 -> 1.01", 1);
    sdk(list, "ActivationDecomposition", "gated", "SIGMOID -> ERF", 1);
  }

  private static void pools(MutantList list) {
    list.area("decompositions", "kv_append/*", "state_*");
    sdk(list, "StateDecomposition", "write", "SET -> ADD", 1);
    sdk(list, "Elementwise", "dropWhereNegative", "0L -> 1L", 1);
    sdk(list, "Elementwise", "dropWhereNegative", "less -> atMost", 1);
  }

  private static void logits(MutantList list) {
    list.area("decompositions", "penalties/*");
    sdk(list, "LogitsDecomposition", "penalise", "less -> atMost", 1);
    sdk(list, "LogitsDecomposition", "penalise", "-1L -> 0L", 1);
    sdk(list, "LogitsDecomposition", "counts", "ADD -> SET", 1);
    list.area("decompositions", "apply_bitmask/*");
    sdk(list, "LogitsDecomposition", "applyBitmask", "-Infinity -> -1.0E30", 1);
    sdk(list, "LogitsDecomposition", "applyBitmask", "32L -> 33L", 1);
    list.area("decompositions", "logprobs/*");
    sdk(list, "LogitsDecomposition", "logprobs", "MAX -> MIN", 1);
    sdk(list, "LogitsDecomposition", "logprobs", "SUM -> MAX", 1);
    list.area("decompositions", "sample/*");
    sdk(list, "SampleDecomposition", "random", "less -> atMost", 1);
    sdk(list, "SampleDecomposition", "aboveMinP", "atMost -> less", 1);
    sdk(list, "SampleDecomposition", "sortBody", "less -> atMost", 1);
    sdk(list, "SampleDecomposition", "sortBody", "-1L -> 0L", 1);
    sdk(list, "SampleDecomposition", "notAfter", "atMost -> less", 1);
    list.area("decompositions", "sample/*top-p-exact*");
    sdk(list, "SampleDecomposition", "sortBody", "less -> atMost", 2);
    list.area("decompositions", "sample/*");
    sdk(list, "Philox", "gumbel", "9L -> 10L", 1);
    sdk(list, "Philox", "rounds", "10 -> 11", 1);
    sdk(list, "Philox", "high", "32L -> 33L", 1);
  }

  private static void queues(MutantList list) {
    sdk(list, "HostQueue", "submit", "IFNE -> IFEQ", 2);
    sdk(list, "HostQueue", "submit", "without set", 2);
    sdk(list, "HostQueue", "isDecided", "0 -> 1", 1);
    sdk(list, "HostQueue", "runNow", "without exit", 1);
    sdk(list, "HostQueue", "runDeferred", "without exit", 1);
    sdk(list, "HostQueue", "awaitAll", "without awaitForWork", 1);
    sdk(list, "HostQueue", "awaitAll", "0 -> 1", 1);
    sdk(list, "HostQueue", "enter", "without check", 1);
    sdk(list, "HostTimeline", "signal", "IFGT -> IFGE", 1);
    sdk(list, "CommandRunner$Execute", "replay", "0 -> 1", 1);
    list.area("queue of the SDK", "buffer/*");
    sdk(list, "CommandRunner$Execute", "fill", "U32 -> U16", 1);
    sdk(list, "CommandRunner$Execute", "copy", "IFEQ -> IFNE", 1);
  }

  private static void inInt(MutantList list, String type, String method, String op, int nth) {
    add(list, type, method, op + CodeEdits.IN_INT, nth);
  }

  private static void offsets(MutantList list) {
    list.area("far offsets", "far/*/5x7/*");
    inInt(list, REFERENCE + "Walk", "skip", "LADD", 1);
    inInt(list, REFERENCE + "Walk", "skip", "LADD", 3);
    inInt(list, REFERENCE + "MatmulKernel", "multiply", "LADD", 1);
    inInt(list, REFERENCE + "MatmulKernel", "multiply", "LADD", 2);
    inInt(list, SDK + "Elements", "getFloats", "LADD", 1);
    inInt(list, SDK + "HostMovement", "copyAxes", "LADD", 1);
    list.area("far offsets", "far/*gather,*", "far/*embedding,*");
    inInt(list, SDK + "HostMovement", "gather", "LMUL", 5);
    list.area("far offsets", "far/*concat,*results*");
    inInt(list, SDK + "HostMovement", "concat", "LADD", 1);
    list.area("far offsets", "far/*kv_append*");
    inInt(list, SDK + "ScatterKernel", "set", "LMUL", 4);
    inInt(list, SDK + "HostMovement", "gather", "LADD", 5);
    list.op(
        "append-offset-in-32-bits",
        "offsets into a pool wrap at 2^31 bytes",
        dev.lamina.spi.ir.CompositeOp.KvAppend.class,
        op ->
            new PlainPool.Append(op) {
              @Override
              long slot(long slot, dev.lamina.backend.sdk.HostState pool) {
                long bytes = pool.spec().entry("k", op.layer()).bytesPerSlot();
                return slot * bytes >= 1L << 31 ? slot - (1L << 31) / bytes : slot;
              }
            });
    list.op(
        "attention-offset-in-32-bits",
        "offsets into a pool wrap at 2^31 elements",
        dev.lamina.spi.ir.CompositeOp.PagedAttention.class,
        op ->
            new PlainAttention(op) {
              @Override
              int slot(int s, int j) {
                int slot = super.slot(s, j);
                long elements = (long) numKvHeads * q.width();
                return slot * elements >= 1L << 31 ? slot - (int) ((1L << 31) / elements) : slot;
              }
            });
  }
}
