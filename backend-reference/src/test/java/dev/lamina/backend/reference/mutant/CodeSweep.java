package dev.lamina.backend.reference.mutant;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Changes the SDK and cpu-vector's kernels instruction by instruction, and asks the kit which
 * changes it sees. Not part of the gate: of what survives, much computes the same (another size of
 * tile, a start that the first step replaces), and a reader must tell that from a hole in the kit.
 */
final class CodeSweep {
  private static final String SDK = "dev.lamina.backend.sdk.";
  private static final String KERNELS = "dev.lamina.backend.cpuvector.kernels.";

  /** A change that makes a case wait for what never comes counts as seen after so long. */
  private static final long PATIENCE_SECONDS = 90;

  private static final long SEED = 1;

  private CodeSweep() {}

  /** Classes, and the cases that are meant to see a change of each. */
  private static Map<String, List<String>> areas() {
    Map<String, List<String>> areas = new LinkedHashMap<>();
    sdk().forEach((type, meant) -> areas.put(SDK + type, meant));
    kernels().forEach((type, meant) -> areas.put(KERNELS + type, meant));
    return areas;
  }

  private static Map<String, List<String>> kernels() {
    Map<String, List<String>> areas = new LinkedHashMap<>();
    for (String c :
        List.of(
            "Linear",
            "Linear$Dots",
            "Linear$Blocks",
            "Dot",
            "Pack",
            "Matrix",
            "Staging",
            "Operand",
            "ScalarDot",
            "ScalarTile",
            "VectorDot",
            "VectorTile",
            "VectorPack")) {
      areas.put(c, List.of("linear/*"));
    }
    for (String c :
        List.of(
            "Widening",
            "VectorBlocks",
            "LevelForm",
            "ScalarLevels",
            "VectorLevels",
            "Streaming",
            "Streaming$Order",
            "ScalarStreaming",
            "VectorStreaming")) {
      areas.put(c, List.of("linear/*w=q*", "linear/*w=mxfp4*", "linear/*w=f8*", "linear/*w=int*"));
    }
    for (String c : List.of("ScalarRows", "VectorRows")) {
      areas.put(c, List.of("rms_norm/*", "paged_attention/*"));
    }
    for (String c :
        List.of("ScalarGates", "VectorGates", "ScalarMath", "VectorMath", "Polynomials")) {
      areas.put(c, List.of("gated_activation/*", "paged_attention/*"));
    }
    for (String c : List.of("Attention", "AttentionSpec", "AttentionTile")) {
      areas.put(c, List.of("paged_attention/*", "mla_attention/*"));
    }
    areas.put("Append", List.of("kv_append/*"));
    areas.put("Norms", List.of("rms_norm/*", "layer_norm/*"));
    areas.put("Rope", List.of("rope/*"));
    areas.put("Gates", List.of("gated_activation/*"));
    areas.put("Lookup", List.of("embedding/*"));
    areas.put("Router", List.of("moe_route/*"));
    areas.put("Experts", List.of("moe_linear/*"));
    areas.put("LogitsRows", List.of("penalties/*", "apply_bitmask/*", "logprobs/*", "sample/*"));
    areas.put("Draw", List.of("sample/*"));
    areas.put("Recurrence", List.of("gated_delta/*", "ssd_scan/*"));
    areas.put("Convolution", List.of("causal_conv1d/*"));
    areas.put("SequenceSlots", List.of("causal_conv1d/*", "gated_delta/*", "ssd_scan/*"));
    return areas;
  }

  private static Map<String, List<String>> sdk() {
    Map<String, List<String>> areas = new LinkedHashMap<>();
    areas.put("AttentionDecomposition", List.of("paged_attention/*"));
    areas.put("PageLoop", List.of("paged_attention/*"));
    areas.put("LinearDecomposition", List.of("linear/*"));
    areas.put("Dequantisation", List.of("linear/*w=q*", "embedding/1/q*"));
    areas.put("EmbeddingDecomposition", List.of("embedding/*"));
    areas.put("NormDecomposition", List.of("rms_norm/*", "layer_norm/*"));
    areas.put("RopeDecomposition", List.of("rope/*"));
    areas.put("ActivationDecomposition", List.of("gated_activation/*"));
    areas.put("StateDecomposition", List.of("kv_append/*", "state_*"));
    areas.put("LogitsDecomposition", List.of("penalties/*", "apply_bitmask/*", "logprobs/*"));
    areas.put("SampleDecomposition", List.of("sample/*"));
    areas.put("Philox", List.of("sample/*"));
    areas.put("ScatterKernel", List.of("scatter*"));
    areas.put(
        "HostMovement",
        List.of("concat/*", "gather/*", "slice/*", "update/*", "iota/*", "permute/*", "buffer/*"));
    List<String> lifecycles =
        List.of(
            "queue/*",
            "timeline/*",
            "capture/*",
            "run/*",
            "lifetime/*",
            "buffer/*",
            "fault/*",
            "fuzz/*");
    for (String c :
        List.of("HostQueue", "HostTimeline", "HostRecording", "CommandRunner$Execute", "Ledger")) {
      areas.put(c, lifecycles);
    }
    return areas;
  }

  /**
   * Prints a line a change: whether it was seen, where it is, seconds.
   *
   * @param args classes to change; all unless given
   */
  public static void main(String[] args) throws InterruptedException {
    MutationGate gate = new MutationGate();
    List<Callable<String>> work = new ArrayList<>();
    areas()
        .forEach((type, meant) -> {
          String simple = type.substring(type.lastIndexOf('.') + 1);
          if (args.length == 0 || List.of(args).contains(simple)) {
            for (CodeChange change : CodeChange.allOf(type, ChangedCode.bytes(type))) {
              if (!change.change().endsWith(CodeEdits.IN_INT)) {
                work.add(() -> line(gate, change, meant));
              }
            }
          }
        });
    List<String> lines = MutationGate.inParallel(work, System.out::println);
    long survivors = lines.stream().filter(l -> l.startsWith("SURVIVES")).count();
    System.out.printf("changes: %d seen / %d survived%n", lines.size() - survivors, survivors);
    // A change may have left a thread that never ends.
    System.exit(0);
  }

  private static String line(MutationGate gate, CodeChange change, List<String> meant)
      throws InterruptedException, ExecutionException {
    long start = System.nanoTime();
    FutureTask<String> hunt = new FutureTask<>(() -> how(gate, change, meant));
    Thread.ofPlatform().daemon().start(hunt);
    String how;
    try {
      how = hunt.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    } catch (TimeoutException e) {
      how = "hangs";
    }
    return "%s %s %.1f".formatted(how, change, (System.nanoTime() - start) / 1e9);
  }

  /** A kernel of cpu-vector is asked in both of its forms, of which either may show the change. */
  private static String how(MutationGate gate, CodeChange change, List<String> meant) {
    List<ChangedCode.Form> forms =
        ChangedCode.isOfCpuVector(change)
            ? List.of(ChangedCode.Form.values())
            : List.of(ChangedCode.Form.SCALAR);
    for (ChangedCode.Form form : forms) {
      if (isSeen(gate, new Mutant("code", "", "", meant, new Fault.OfCode(change, form)))) {
        return "seen";
      }
    }
    return "SURVIVES";
  }

  /** Code that does not even load is seen too. */
  private static boolean isSeen(MutationGate gate, Mutant mutant) {
    try {
      return !MutationGate.run(new MutantBackend(mutant), gate.meantFor(mutant, SEED), 1).isEmpty();
    } catch (LinkageError e) {
      return true;
    }
  }
}
