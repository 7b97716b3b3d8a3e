package dev.lamina.cli;

import dev.lamina.AdapterSource;
import dev.lamina.AnswerStream;
import dev.lamina.Delta;
import dev.lamina.GenerationOptions;
import dev.lamina.Lamina;
import dev.lamina.LaminaOptions;
import dev.lamina.ModelLocator;
import dev.lamina.Prompt;
import dev.lamina.chat.Message;
import dev.lamina.chat.Role;
import dev.lamina.models.Precision;
import dev.lamina.scheduler.SamplingParams;
import java.io.Console;
import java.io.IOException;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Chat in the terminal, or one answer on stdout. */
@Command(
    name = "run",
    description = {
      "Chats in the terminal, or answers once when given PROMPT or piped input.",
      "A single argument is the MODEL if it is a built-in's name, a folder or a .gguf."
    })
final class RunCommand implements Callable<Integer> {
  @Parameters(
      arity = "0..2",
      paramLabel = "[MODEL] [PROMPT]",
      description = "What to run, and ask.")
  private List<String> arguments = List.of();

  @Option(names = "--system", paramLabel = "TEXT", description = "Instructions for the model.")
  private @Nullable String system;

  @Option(names = "--max-tokens", paramLabel = "N", description = "Most tokens of an answer.")
  private int maxTokens = SamplingParams.NO_LIMIT;

  @Option(names = "--temperature", paramLabel = "T", description = "0 takes the likeliest token.")
  private @Nullable Float temperature;

  @Option(names = "--seed", paramLabel = "N", description = "Makes sampling repeatable.")
  private @Nullable Long seed;

  @Mixin private ModelFlags modelFlags = new ModelFlags();
  @Mixin private EngineFlags engineFlags = new EngineFlags();

  @Override
  public Integer call() throws IOException {
    if (arguments.size() > 2) {
      throw new UsageException(
          "run: expected [MODEL] [PROMPT], got "
              + arguments.size()
              + " arguments; put the prompt in quotes");
    }
    AdapterSource adapter = modelFlags.adapter("run");
    String model = ModelLocator.DEFAULT;
    String prompt = null;
    if (arguments.size() == 2) {
      model = arguments.get(0);
      prompt = arguments.get(1);
    } else if (arguments.size() == 1) {
      if (ModelLocator.looksLikeModel(arguments.getFirst())) {
        model = arguments.getFirst();
      } else {
        prompt = arguments.getFirst();
      }
    }
    Console console = System.console();
    boolean interactive = prompt == null && console != null && console.isTerminal();
    if (prompt == null && !interactive) {
      prompt = Stdin.text("run").strip();
    }
    if (prompt != null && prompt.isBlank()) {
      if (!arguments.isEmpty() && arguments.getLast().equals(prompt)) {
        throw new UsageException("run: the prompt is empty; ask something");
      }
      return Main.OK;
    }
    try (Lamina lamina = Lamina.open(model, options())) {
      Conversation conversation = new Conversation(lamina, sampling(lamina, adapter), system);
      if (prompt != null) {
        conversation.ask(prompt, System.out);
      } else {
        new ChatTerminal(conversation, lamina.model().name()).run();
      }
    }
    return Main.OK;
  }

  private LaminaOptions options() {
    return modelFlags
        .options(Precision.DEFAULT)
        .withEngine(engineFlags.config())
        .withProgress(Progress.stderr());
  }

  private GenerationOptions sampling(Lamina lamina, @Nullable AdapterSource adapter) {
    SamplingParams.Builder b = lamina.recommendedSampling().maxTokens(maxTokens).seed(seed);
    if (temperature != null) {
      b.temperature(temperature);
    }
    return GenerationOptions.of(b.build()).withAdapter(adapter == null ? null : adapter.name());
  }

  /** The messages so far; asking adds the question and its answer. */
  static final class Conversation {
    private final Lamina lamina;
    private final GenerationOptions options;
    private final List<Message> messages = new ArrayList<>();

    Conversation(Lamina lamina, GenerationOptions options, @Nullable String system) {
      this.lamina = lamina;
      this.options = options;
      instruct(system);
    }

    /** Forgets questions and answers. */
    void reset() {
      messages.removeIf(m -> m.role() != Role.SYSTEM);
    }

    /** Forgets everything and instructs the model, or does not if null. */
    void instruct(@Nullable String system) {
      messages.clear();
      if (system != null) {
        messages.add(Message.system(system));
      }
    }

    AnswerStream start(String question) {
      messages.add(Message.user(question));
      return lamina.stream(Prompt.chat(messages), options);
    }

    /** Takes back a question that got no answer. */
    void forgetQuestion() {
      messages.removeLast();
    }

    void answered(String text) {
      messages.add(Message.assistant(text));
    }

    /** Streams the answer to {@code out} and ends it with a line break. */
    void ask(String question, PrintStream out) {
      try (AnswerStream stream = start(question)) {
        StringBuilder text = new StringBuilder();
        for (Delta delta : stream) {
          out.print(delta.text());
          out.flush();
          text.append(delta.text());
        }
        out.println();
        answered(text.toString());
      }
    }
  }
}
