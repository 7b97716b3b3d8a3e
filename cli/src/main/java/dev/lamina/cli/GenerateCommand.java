package dev.lamina.cli;

import dev.lamina.Answer;
import dev.lamina.AnswerListener;
import dev.lamina.Delta;
import dev.lamina.GenerationOptions;
import dev.lamina.Lamina;
import dev.lamina.ModelLocator;
import dev.lamina.Prompt;
import dev.lamina.RequestFields;
import dev.lamina.TokenLogprobs;
import dev.lamina.json.JsonTrees;
import dev.lamina.models.Precision;
import dev.lamina.scheduler.EngineStats;
import dev.lamina.scheduler.InvalidRequestException;
import dev.lamina.scheduler.SamplingParams;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.LinkedBlockingQueue;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.NullNode;
import tools.jackson.databind.node.ObjectNode;

/** JSON Lines of requests on stdin, all at once through the engine, to JSON Lines of answers. */
@Command(
    name = "generate",
    description = "Answers JSON Lines of requests on stdin, all at once, in order of completion.")
final class GenerateCommand implements Callable<Integer> {
  private static final Set<String> NOT_BUILT =
      Set.of("tool_choice", "response_format", "structured_outputs", "logit_bias");

  @Parameters(
      index = "0",
      arity = "0..1",
      paramLabel = "MODEL",
      description = "Folder, .gguf file or built-in.")
  private String model = ModelLocator.DEFAULT;

  @Option(names = "--stats", paramLabel = "FILE", description = "Writes what the engine did.")
  private @Nullable Path stats;

  @Option(names = "--json", hidden = true)
  private boolean json;

  @Mixin private ModelFlags modelFlags = new ModelFlags();
  @Mixin private EngineFlags engineFlags = new EngineFlags();

  private final BlockingQueue<ObjectNode> done = new LinkedBlockingQueue<>();

  @Override
  public Integer call() throws IOException, InterruptedException {
    List<byte[]> lines = readLines();
    int failed = 0;
    try (Lamina lamina =
        Lamina.open(
            model,
            modelFlags
                .options(Precision.DEFAULT)
                .withEngine(engineFlags.config())
                .withProgress(Progress.stderr()))) {
      lines.forEach(line -> start(lamina, line));
      for (int i = 0; i < lines.size(); i++) {
        ObjectNode result = done.take();
        failed += result.has("error") ? 1 : 0;
        System.out.println(Json.line(result));
      }
      if (stats != null) {
        write(stats, lamina.engineStats());
      }
    }
    return failed == 0 ? Main.OK : Main.FAILED;
  }

  /** The lines that hold anything, undecoded: each is refused alone. */
  private static List<byte[]> readLines() throws IOException {
    List<byte[]> lines = new ArrayList<>();
    byte[] all = System.in.readAllBytes();
    for (int from = 0, to; from < all.length; from = to + 1) {
      to = from;
      boolean blank = true;
      while (to < all.length && all[to] != '\n') {
        blank &= all[to] >= 0 && all[to] <= ' ';
        to++;
      }
      if (!blank) {
        lines.add(Arrays.copyOfRange(all, from, to));
      }
    }
    return lines;
  }

  private void start(Lamina lamina, byte[] line) {
    JsonNode id = NullNode.getInstance();
    try {
      JsonNode request = Json.read(Stdin.decode(line, "request"));
      id = request.path("id").isMissingNode() ? id : request.path("id");
      RequestFields fields = new RequestFields(request);
      fields.refuse(NOT_BUILT);
      fields.refuseSeveralChoices();
      lamina.start(prompt(fields), options(fields), new Printer(id));
    } catch (JacksonException e) {
      fail(id, "not a JSON object: " + JsonTrees.reason(e));
    } catch (RuntimeException e) {
      fail(id, Main.line(e));
    }
  }

  private static Prompt prompt(RequestFields fields) {
    List<String> given =
        List.of("tokens", "text", "messages").stream()
            .filter(f -> fields.present(f) != null)
            .toList();
    if (given.size() != 1) {
      throw new InvalidRequestException(
          "tokens", "request: expected one of tokens, text and messages, got " + given);
    }
    return switch (given.getFirst()) {
      case "tokens" -> fields.tokens("tokens");
      case "messages" -> fields.messages();
      default -> {
        String text = fields.string("text");
        yield new Prompt.Text(text == null ? "" : text);
      }
    };
  }

  private static GenerationOptions options(RequestFields fields) {
    JsonNode logprobs = fields.present("logprobs");
    int alternatives =
        logprobs == null || logprobs.isBoolean() && !logprobs.booleanValue()
            ? SamplingParams.NO_LOGPROBS
            : logprobs.isBoolean() ? 0 : fields.integer("logprobs", 0);
    return GenerationOptions.of(fields.sampling(0, SamplingParams.NO_LIMIT, alternatives))
        .withStops(fields.stops())
        .withPriority(fields.integer("priority", 0))
        .withCacheSalt(fields.string("cache_salt"))
        .withAdapter(fields.string("adapter"));
  }

  private void fail(JsonNode id, String message) {
    ObjectNode result = Json.object();
    result.set("id", id);
    result.put("error", message);
    done.add(result);
  }

  private static void write(Path file, EngineStats stats) throws IOException {
    ObjectNode node = Json.object();
    node.put("steps", stats.steps());
    node.put("max_batch", stats.maxBatch());
    node.put("preemptions", stats.preemptions());
    node.put("prefix_hit_tokens", stats.prefixHitTokens());
    Files.writeString(file, Json.line(node) + "\n");
  }

  /** Hands the finished answer of one line to the printing thread. */
  private final class Printer implements AnswerListener {
    private final JsonNode id;

    Printer(JsonNode id) {
      this.id = id;
    }

    @Override
    public void onDelta(Delta delta) {}

    @Override
    public void onAnswer(Answer answer) {
      ObjectNode result = Json.object();
      result.set("id", id);
      result.set("tokens", Json.of(answer.tokenIds()));
      result.put("text", answer.text());
      result.put("finish_reason", answer.finishReason().name().toLowerCase(Locale.ROOT));
      result.put("cached_tokens", answer.numCachedTokens());
      if (!answer.logprobs().isEmpty()) {
        ArrayNode all = result.putArray("logprobs");
        answer.logprobs().forEach(l -> add(all.addObject(), l));
      }
      done.add(result);
    }

    private static void add(ObjectNode node, TokenLogprobs l) {
      node.put("token", l.tokenId());
      node.put("logprob", l.logprob());
      ArrayNode top = node.putArray("top");
      for (int k = 0; k < l.topIds().length; k++) {
        ObjectNode alternative = top.addObject();
        alternative.put("token", l.topIds()[k]);
        alternative.put("logprob", l.topLogprobs()[k]);
      }
    }

    @Override
    public void onError(Throwable error) {
      fail(id, Main.line(error));
    }
  }
}
