package dev.lamina.cli;

import dev.lamina.LaminaException;
import dev.lamina.LaminaOptions;
import dev.lamina.ModelInfo;
import dev.lamina.ModelLocator;
import dev.lamina.ModelRuntime;
import dev.lamina.models.Checkpoint;
import dev.lamina.models.Precision;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Layout;
import dev.lamina.spi.ir.QuantFormat;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.node.ObjectNode;

/** Speed of prefill, decode and the whole engine. */
@Command(name = "bench", description = "Measures prefill, decode and the engine.")
final class BenchCommand implements Callable<Integer> {
  @Parameters(
      index = "0",
      arity = "0..1",
      paramLabel = "MODEL",
      description = "Folder, .gguf file or built-in.")
  private @Nullable String model;

  @Option(names = "--shape", paramLabel = "NAME", description = "Random weights of a real shape.")
  private @Nullable String shape;

  @Option(
      names = "--dtype",
      paramLabel = "D",
      description = "Weights of --shape: f32|f16|bf16|q8_0|q4_0|q4_k|q6_k|fp8|mxfp4.")
  private String dtype = "bf16";

  @Option(
      names = {"-p", "--n-prompt"},
      paramLabel = "N",
      description = "Prompt tokens; 0 skips.")
  private int prompt = 512;

  @Option(
      names = {"-n", "--n-gen"},
      paramLabel = "N",
      description = "Generated tokens; 0 skips.")
  private int generated = 128;

  @Option(
      names = {"-np", "--n-parallel"},
      split = ",",
      paramLabel = "N",
      description = "Sequences.")
  private List<Integer> parallel = List.of(1);

  @Option(
      names = {"-r", "--repetitions"},
      paramLabel = "N",
      description = "Repetitions.")
  private int repetitions = 5;

  @Option(
      names = "--no-warmup",
      description = "Times the first runs, too, before code is compiled.")
  private boolean noWarmup;

  @Option(names = "--requests", paramLabel = "N", description = "Drives the engine with requests.")
  private int requests;

  @Option(names = "--in", paramLabel = "N", description = "Prompt tokens of a request.")
  private int in = 128;

  @Option(names = "--out", paramLabel = "N", description = "Generated tokens of a request.")
  private int out = 128;

  @Option(names = "--concurrency", paramLabel = "N", description = "Requests at once; 0 = all.")
  private int concurrency;

  @Option(names = "--temperature", paramLabel = "T", description = "Of the requests.")
  private float temperature;

  @Option(names = "--seed", paramLabel = "N", description = "Of the random weights.")
  private long seed = 1;

  @Option(names = "--json", description = "Prints JSON Lines.")
  private boolean json;

  @Mixin private ModelFlags modelFlags = new ModelFlags();
  @Mixin private EngineFlags engineFlags = new EngineFlags();

  @Override
  public Integer call() {
    modelFlags.refuseAdapters("bench");
    check();
    LaminaOptions options = options();
    try (Checkpoint checkpoint = checkpoint();
        ModelRuntime runtime = ModelRuntime.load(checkpoint, options)) {
      ObjectNode common = common(runtime, checkpoint, options);
      if (requests > 0) {
        EngineBench bench = new EngineBench(runtime, options, in, out, temperature);
        print(bench.run(requests, concurrency, repetitions), common);
      } else {
        steps(runtime, common);
      }
    } catch (ModelException e) {
      throw new LaminaException(String.valueOf(e.getMessage()), e);
    }
    return Main.OK;
  }

  private void check() {
    if (shape != null && model != null) {
      throw new UsageException("bench: expected MODEL or --shape, got both");
    }
    boolean negative = prompt < 0 || generated < 0 || requests < 0 || concurrency < 0;
    if (negative || repetitions < 1 || in < 1 || out < 1) {
      throw new UsageException(
          "bench: expected counts of at least 0 and repetitions of at least 1");
    }
    if (parallel.stream().anyMatch(n -> n < 1)) {
      throw new UsageException("-np: expected numbers of at least 1, got " + parallel);
    }
  }

  /** The KV pool holds what the largest row needs. */
  private LaminaOptions options() {
    var engine = engineFlags.config();
    int widest = parallel.stream().mapToInt(Integer::intValue).max().orElse(1);
    if (requests == 0) {
      int longest = Math.max(prompt, generated);
      int blocks = (longest + engine.blockSize() - 1) / engine.blockSize() * widest;
      engine =
          engine
              .withNumKvBlocks(Math.max(blocks, 1))
              .withMaxNumSeqs(Math.max(widest, 1))
              .withMaxNumBatchedTokens(Math.max(engine.maxNumBatchedTokens(), widest));
    }
    LaminaOptions options =
        modelFlags.options(Precision.DEFAULT).withEngine(engine).withProgress(Progress.stderr());
    return options.threads() > 0
        ? options
        : options.withThreads(Runtime.getRuntime().availableProcessors());
  }

  private Checkpoint checkpoint() throws ModelException {
    if (shape == null) {
      return Checkpoint.open(ModelLocator.find(model == null ? ModelLocator.DEFAULT : model));
    }
    return switch (dtype.toLowerCase(Locale.ROOT)) {
      case "f32" -> Checkpoint.synthetic(shape, DType.F32, seed);
      case "f16" -> Checkpoint.synthetic(shape, DType.F16, seed);
      case "bf16" -> Checkpoint.synthetic(shape, DType.BF16, seed);
      case "q8_0" -> Checkpoint.synthetic(shape, QuantFormat.Q8_0, seed);
      case "q4_0" -> Checkpoint.synthetic(shape, QuantFormat.Q4_0, seed);
      case "q4_k" -> Checkpoint.synthetic(shape, QuantFormat.Q4_K, seed);
      case "q6_k" -> Checkpoint.synthetic(shape, QuantFormat.Q6_K, seed);
      case "fp8" -> Checkpoint.synthetic(shape, QuantFormat.F8E4M3_128, seed);
      case "mxfp4" -> Checkpoint.synthetic(shape, QuantFormat.MXFP4, seed);
      default ->
          throw new UsageException(
              "--dtype: expected one of f32, f16, bf16, q8_0, q4_0, q4_k, q6_k, fp8, mxfp4, got "
                  + dtype);
    };
  }

  private ObjectNode common(ModelRuntime runtime, Checkpoint checkpoint, LaminaOptions options) {
    ModelInfo info = runtime.info();
    ObjectNode common = Json.object();
    common.put("shape", checkpoint.name());
    common.put("dtype", weights(checkpoint));
    common.put("precision", options.precision().name().toLowerCase(Locale.ROOT));
    common.put("threads", options.threads());
    common.put("backend", info.backend());
    common.put("device", info.device());
    return common;
  }

  /** The type of most bytes: a dtype, or a format of blocks. */
  private static String weights(Checkpoint checkpoint) {
    DType plain = checkpoint.tensors().weightsDtype();
    if (plain != null) {
      return plain.text();
    }
    Map<String, Long> bytes = new TreeMap<>();
    for (StoredTensor t : checkpoint.tensors().tensors()) {
      String name =
          t.type().layout() instanceof Layout.Blocked(QuantFormat format)
              ? format.text()
              : t.type().dtype().text();
      bytes.merge(name, t.data().byteSize(), Long::sum);
    }
    return Collections.max(bytes.entrySet(), Map.Entry.comparingByValue()).getKey();
  }

  private void steps(ModelRuntime runtime, ObjectNode common) {
    StepBench bench = new StepBench(runtime, runtime::measurePeak, repetitions, !noWarmup);
    for (int np : parallel) {
      if (prompt > 0) {
        print(bench.prefill(prompt, np), common);
      }
      if (generated > 0) {
        print(bench.decode(generated, np), common);
      }
    }
  }

  private void print(BenchRow row, ObjectNode common) {
    System.out.println(json ? Json.line(row.json(common)) : row.toString());
  }
}
