package dev.lamina.cli;

import dev.lamina.AdapterSource;
import dev.lamina.LaminaException;
import dev.lamina.LaminaOptions;
import dev.lamina.ModelLocator;
import dev.lamina.ModelRuntime;
import dev.lamina.ModelText;
import dev.lamina.Scorer;
import dev.lamina.chat.Tokenizer;
import dev.lamina.json.JsonTrees;
import dev.lamina.models.Checkpoint;
import dev.lamina.models.Precision;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.safetensors.SafetensorsWriter;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.TensorType;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.MalformedInputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Teacher-forced logits of given tokens, or the perplexity of a text. */
@Command(name = "score", description = "Teacher-forced logits of tokens, or a text's perplexity.")
final class ScoreCommand implements Callable<Integer> {
  private static final int TOP = 5;
  private static final int MAX_LOGITS_BYTES = 256 << 20;

  @Parameters(
      index = "0",
      arity = "0..1",
      paramLabel = "MODEL",
      description = "Folder, .gguf file or built-in.")
  private String model = ModelLocator.DEFAULT;

  @Option(names = "--tokens", paramLabel = "1,2,3", description = "One sequence; its ID is 0.")
  private @Nullable String tokens;

  @Option(
      names = "--input",
      paramLabel = "F.jsonl",
      description = "Sequences: {\"id\":..,\"tokens\":[..]} a line.")
  private @Nullable Path input;

  @Option(
      names = "--out",
      paramLabel = "F.safetensors",
      description = "Writes logits.ID, F32 [tokens, vocab].")
  private @Nullable Path out;

  @Option(names = "--chunk", paramLabel = "N", description = "Tokens a step.")
  private @Nullable Integer chunk;

  @Option(
      names = "--perplexity",
      paramLabel = "FILE",
      description = "Prints the perplexity of a file's text.")
  private @Nullable Path perplexity;

  @Option(names = "--json", description = "Prints JSON.")
  private boolean json;

  @Mixin private ModelFlags modelFlags = new ModelFlags();
  @Mixin private EngineFlags engineFlags = new EngineFlags();

  private record Sequence(String id, int[] ids) {}

  @Override
  public Integer call() throws IOException {
    if ((tokens == null ? 0 : 1) + (input == null ? 0 : 1) + (perplexity == null ? 0 : 1) != 1) {
      throw new UsageException("score: expected one of --tokens, --input and --perplexity");
    }
    if (chunk != null && chunk < 1) {
      throw new UsageException("--chunk: expected at least 1, got " + chunk);
    }
    AdapterSource adapter = modelFlags.adapter("score");
    Path path = ModelLocator.find(model);
    List<Sequence> sequences = perplexity == null ? sequences() : List.of(text(path, perplexity));
    LaminaOptions options =
        modelFlags
            .options(Precision.F32)
            .withEngine(engineFlags.config().withMaxNumSeqs(1))
            .withProgress(Progress.stderr());
    try (Checkpoint checkpoint = Checkpoint.open(path);
        ModelRuntime runtime = ModelRuntime.load(checkpoint, options);
        Scorer scorer = new Scorer(runtime, chunk(runtime), adapter)) {
      int vocab = runtime.compiled().limits().vocabSize();
      if (perplexity != null) {
        printPerplexity(scorer, sequences.getFirst().ids(), vocab);
      } else if (out == null) {
        printTop(scorer, sequences, vocab);
      } else {
        write(scorer, sequences, vocab, out);
      }
    } catch (ModelException e) {
      throw new LaminaException(String.valueOf(e.getMessage()), e);
    }
    return Main.OK;
  }

  /** Without a wish, as many tokens a step as keep the logits of one under 256 MiB. */
  private int chunk(ModelRuntime runtime) {
    if (chunk != null) {
      return chunk;
    }
    return Math.max(1, MAX_LOGITS_BYTES / 4 / runtime.compiled().limits().vocabSize());
  }

  private List<Sequence> sequences() throws IOException {
    if (tokens != null) {
      return List.of(new Sequence("0", parseTokens(tokens)));
    }
    List<Sequence> sequences = new ArrayList<>();
    int number = 0;
    for (String line : read(input).lines().toList()) {
      number++;
      if (!line.isBlank()) {
        sequences.add(sequence(line, input + " line " + number));
      }
    }
    if (sequences.stream().map(Sequence::id).distinct().count() != sequences.size()) {
      throw new LaminaException("score: expected distinct ids in " + input);
    }
    return sequences;
  }

  /** The whole text, its ends of lines as they are. */
  private static String read(@Nullable Path file) throws IOException {
    if (file == null || !Files.isRegularFile(file)) {
      throw new LaminaException("score: expected a file, there is none at " + file);
    }
    try {
      return Files.readString(file);
    } catch (MalformedInputException e) {
      throw new LaminaException("score: " + file + " is not UTF-8", e);
    }
  }

  private static Sequence sequence(String line, String where) {
    try {
      JsonNode node = Json.read(line);
      JsonNode ids = node.path("tokens");
      if (!node.isObject() || !node.has("id") || !ids.isArray()) {
        throw new LaminaException(where + ": expected {\"id\":..,\"tokens\":[..]}");
      }
      int[] tokens = new int[ids.size()];
      for (int i = 0; i < tokens.length; i++) {
        if (!ids.get(i).canConvertToInt() || !ids.get(i).isIntegralNumber()) {
          throw new LaminaException(where + ": expected token ids, got " + ids.get(i));
        }
        tokens[i] = ids.get(i).intValue();
      }
      return new Sequence(node.get("id").asString(), tokens);
    } catch (JacksonException e) {
      throw new LaminaException(where + ": not JSON: " + JsonTrees.reason(e), e);
    }
  }

  private static int[] parseTokens(String text) {
    String[] words = text.split(",", -1);
    int[] ids = new int[words.length];
    for (int i = 0; i < ids.length; i++) {
      try {
        ids[i] = Integer.parseInt(words[i].strip());
      } catch (NumberFormatException e) {
        throw new UsageException("--tokens: expected ids like 1,2,3, got '" + words[i] + "'");
      }
    }
    return ids;
  }

  private static Sequence text(Path path, Path file) throws IOException {
    String text = read(file);
    try (Tokenizer tokenizer = ModelText.load(path)) {
      int[] ids = tokenizer.encode(text, true);
      if (ids.length < 2) {
        throw new LaminaException("perplexity: expected a text of two tokens or more in " + file);
      }
      return new Sequence("0", ids);
    }
  }

  private static void write(Scorer scorer, List<Sequence> sequences, int vocab, Path file)
      throws IOException {
    Map<String, TensorType> types = new LinkedHashMap<>();
    for (Sequence s : sequences) {
      types.put("logits." + s.id(), TensorType.of(DType.F32, s.ids().length, vocab));
    }
    try (SafetensorsWriter writer = SafetensorsWriter.create(file, types, Map.of())) {
      for (Sequence s : sequences) {
        scorer.score(
            s.ids(),
            (first, n, logits) ->
                writer.append("logits." + s.id(), logits.asSlice(0, 4L * n * vocab)));
      }
    }
  }

  private void printTop(Scorer scorer, List<Sequence> sequences, int vocab) throws IOException {
    for (Sequence s : sequences) {
      scorer.score(
          s.ids(),
          (first, n, logits) -> {
            if (first + n == s.ids().length) {
              printTop(s.id(), logits, (long) (n - 1) * vocab, vocab);
            }
          });
    }
  }

  private void printTop(String id, MemorySegment logits, long row, int vocab) {
    ObjectNode node = Json.object();
    node.put("id", id);
    ArrayNode top = node.putArray("top");
    boolean[] taken = new boolean[vocab];
    for (int k = 0; k < Math.min(TOP, vocab); k++) {
      int best = -1;
      for (int v = 0; v < vocab; v++) {
        if (!taken[v] && (best < 0 || at(logits, row + v) > at(logits, row + best))) {
          best = v;
        }
      }
      taken[best] = true;
      if (json) {
        top.addObject().put("token", best).put("logit", at(logits, row + best));
      } else {
        System.out.printf(Locale.ROOT, "%s %d %.5f%n", id, best, at(logits, row + best));
      }
    }
    if (json) {
      System.out.println(Json.line(node));
    }
  }

  private static float at(MemorySegment logits, long index) {
    return logits.getAtIndex(ValueLayout.JAVA_FLOAT, index);
  }

  /** Exp of the mean negative log-likelihood of every token but the first. */
  private void printPerplexity(Scorer scorer, int[] ids, int vocab) throws IOException {
    double[] sum = new double[1];
    scorer.score(
        ids,
        (first, n, logits) -> {
          for (int i = 0; i < n && first + i + 1 < ids.length; i++) {
            sum[0] -= logProbability(logits, (long) i * vocab, vocab, ids[first + i + 1]);
          }
        });
    double value = Math.exp(sum[0] / (ids.length - 1));
    if (json) {
      System.out.println(
          Json.line(Json.object().put("perplexity", value).put("tokens", ids.length)));
    } else {
      System.out.printf(Locale.ROOT, "%.4f%n", value);
    }
  }

  private static double logProbability(MemorySegment logits, long row, int vocab, int id) {
    double max = Double.NEGATIVE_INFINITY;
    for (int v = 0; v < vocab; v++) {
      max = Math.max(max, at(logits, row + v));
    }
    double sum = 0;
    for (int v = 0; v < vocab; v++) {
      sum += Math.exp(at(logits, row + v) - max);
    }
    return at(logits, row + id) - max - Math.log(sum);
  }
}
