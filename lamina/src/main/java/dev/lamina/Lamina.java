package dev.lamina;

import dev.lamina.chat.ChatTemplate;
import dev.lamina.chat.Tokenizer;
import dev.lamina.chat.UnsupportedTemplateException;
import dev.lamina.models.Checkpoint;
import dev.lamina.models.checkpoint.GenerationConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.scheduler.Adapter;
import dev.lamina.scheduler.Engine;
import dev.lamina.scheduler.EngineStats;
import dev.lamina.scheduler.GenerationRequest;
import dev.lamina.scheduler.InvalidRequestException;
import dev.lamina.scheduler.RequestHandle;
import dev.lamina.scheduler.SamplingParams;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;

/**
 * An open model: text in, text out. Every method may be called from any thread, virtual ones
 * included.
 *
 * <pre>{@code
 * try (Lamina lamina = Lamina.open("micro-chat")) {
 *   System.out.println(lamina.chat("What is 12 + 30?"));
 * }
 * }</pre>
 */
public final class Lamina implements AutoCloseable {
  private final String name;
  private final Checkpoint checkpoint;
  private final @Nullable Tokenizer tokenizer;
  private final @Nullable ChatTemplate template;
  private final String noTemplate;
  private final ModelRuntime runtime;
  private final Engine engine;
  private final Adapters adapters;

  private Lamina(String name, Path path, Checkpoint checkpoint, LaminaOptions options) {
    this.name = name;
    this.checkpoint = checkpoint;
    this.tokenizer = ModelText.find(path);
    ChatTemplate found = null;
    String missing = "";
    try {
      found = ModelText.template(path);
    } catch (UnsupportedTemplateException e) {
      missing = String.valueOf(e.getMessage());
    }
    this.template = found;
    this.noTemplate = missing;
    this.runtime = ModelRuntime.load(checkpoint, options);
    try {
      this.engine = runtime.startEngine(options);
    } catch (RuntimeException e) {
      runtime.close();
      throw e;
    }
    this.adapters = new Adapters(runtime, engine, options.adapterLimits(), shortName());
    try {
      if (!options.adapters().isEmpty()) {
        adapters.load(options.adapters());
      }
    } catch (RuntimeException e) {
      engine.close();
      adapters.close();
      runtime.close();
      throw e;
    }
  }

  /**
   * Opens a model on the best backend present.
   *
   * @param model a folder with {@code config.json} and weights, a GGUF file, or a built-in's name
   * @throws LaminaException if it can't be opened; one line that says what to do
   */
  public static Lamina open(String model) {
    return open(model, LaminaOptions.DEFAULT);
  }

  /**
   * Opens a model.
   *
   * @param model a folder with {@code config.json} and weights, a GGUF file, or a built-in's name
   * @param options backend, precision, limits
   * @throws LaminaException if it can't be opened; one line that says what to do
   */
  public static Lamina open(String model, LaminaOptions options) {
    Path path = ModelLocator.find(model);
    Checkpoint checkpoint = checkpoint(path);
    try {
      return new Lamina(model, path, checkpoint, options);
    } catch (RuntimeException e) {
      checkpoint.close();
      throw e;
    }
  }

  static Checkpoint checkpoint(Path path) {
    try {
      return Checkpoint.open(path);
    } catch (ModelException e) {
      throw new LaminaException(String.valueOf(e.getMessage()), e);
    }
  }

  /** What is open. */
  public ModelInfo model() {
    ModelInfo info = runtime.info();
    return new ModelInfo(
        shortName(),
        info.modelType(),
        info.backend(),
        info.device(),
        info.vocabSize(),
        engine.maxModelLen(),
        info.kvCapacityTokens());
  }

  private String shortName() {
    Path file = Path.of(name).getFileName();
    return file == null ? name : file.toString();
  }

  /** Answers a question, greedily, to its end. */
  public Answer chat(String question) {
    return generate(Prompt.user(question), GenerationOptions.greedy());
  }

  /**
   * Goes on from a prompt and waits for the end.
   *
   * @throws InvalidRequestException if the prompt or options can't be run; one line
   * @throws LaminaException if the engine fails
   */
  public Answer generate(Prompt prompt, GenerationOptions options) {
    Generation running = start(prompt, options, Silent.LISTENER);
    try {
      return running.answer().join();
    } catch (CompletionException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      throw new LaminaException("generation failed: " + cause.getMessage(), cause);
    }
  }

  /**
   * Goes on from a prompt, piece by piece, for a thread that iterates.
   *
   * @throws InvalidRequestException if the prompt or options can't be run; one line
   */
  public AnswerStream stream(Prompt prompt, GenerationOptions options) {
    AnswerStream stream = new AnswerStream();
    stream.started(start(prompt, options, stream.listener()));
    return stream;
  }

  /**
   * Goes on from a prompt, piece by piece, by callback on the engine thread.
   *
   * @param listener must not block
   * @throws InvalidRequestException if the prompt or options can't be run; one line
   */
  public Generation start(Prompt prompt, GenerationOptions options, AnswerListener listener) {
    int[] ids = tokenize(prompt);
    if (tokenizer == null && !options.stops().stops().isEmpty()) {
      throw new InvalidRequestException(
          "stop", "stop: model " + name + " has no tokenizer; use stop_token_ids");
    }
    Adapter adapter = options.adapter() == null ? null : adapters.acquire(options.adapter());
    Runnable onEnd = adapter == null ? () -> {} : () -> adapters.release(adapter);
    RunningGeneration running =
        new RunningGeneration(
            listener,
            tokenizer == null ? null : tokenizer.detokenizer(true),
            options,
            ids.length,
            onEnd);
    GenerationRequest request =
        GenerationRequest.of(options.requestId(), ids, options.sampling())
            .withPriority(options.priority())
            .withCacheSalt(options.cacheSalt())
            .withAdapter(adapter);
    RequestHandle handle;
    try {
      handle = engine.addRequest(request, running);
    } catch (RuntimeException e) {
      onEnd.run();
      throw e;
    }
    running.started(handle);
    return running;
  }

  /**
   * Loads a LoRA adapter beside those that are there; requests that run go on undisturbed. Waits
   * until it can be used.
   *
   * @param name what requests will call it, {@link GenerationOptions#withAdapter}
   * @param folder with {@code adapter_config.json} and {@code adapter_model.safetensors}
   * @throws InvalidRequestException if the name is taken or there are as many as can be
   * @throws LaminaException if it can't be read or does not fit the model; one line
   */
  public void loadAdapter(String name, Path folder) {
    adapters.load(List.of(new AdapterSource(name, folder)));
  }

  /**
   * Takes a LoRA adapter away; its requests that run go on to their end.
   *
   * @throws InvalidRequestException if there is none of that name
   */
  public void unloadAdapter(String name) {
    adapters.unload(name);
  }

  /** Names of the LoRA adapters that requests may have, in order of loading. */
  public List<String> adapters() {
    return adapters.names();
  }

  /**
   * Token ids of a prompt.
   *
   * @throws InvalidRequestException if it is empty or the model can't read it
   */
  public int[] tokenize(Prompt prompt) {
    return switch (prompt) {
      case Prompt.Tokens t -> t.ids();
      case Prompt.Text t -> nonEmpty(needTokenizer().encode(t.text(), true));
      case Prompt.Chat c -> {
        if (template == null) {
          throw new InvalidRequestException("messages", noTemplate);
        }
        String text = template.render(c.messages(), c.tools(), true, Map.of());
        yield nonEmpty(needTokenizer().encode(text, false));
      }
    };
  }

  private static int[] nonEmpty(int[] ids) {
    if (ids.length == 0) {
      throw new InvalidRequestException(
          "prompt", "prompt: expected at least one token, got an empty prompt");
    }
    return ids;
  }

  private Tokenizer needTokenizer() {
    if (tokenizer == null) {
      throw new InvalidRequestException(
          "prompt", "prompt: model " + name + " has no tokenizer; send token ids");
    }
    return tokenizer;
  }

  /** The tokenizer, or null if the model has none. */
  public @Nullable Tokenizer tokenizer() {
    return tokenizer;
  }

  /**
   * What the model's makers recommend; greedy where they do not ask for sampling.
   *
   * @return a builder to change further
   */
  public SamplingParams.Builder recommendedSampling() {
    GenerationConfig g = checkpoint.generation();
    boolean sample = Boolean.TRUE.equals(g.doSample());
    SamplingParams.Builder b = SamplingParams.builder();
    b.temperature(sample ? (g.temperature() == null ? 1 : g.temperature().floatValue()) : 0);
    if (sample && g.topP() != null) {
      b.topP(g.topP().floatValue());
    }
    if (sample && g.topK() != null) {
      b.topK(g.topK());
    }
    if (sample && g.minP() != null) {
      b.minP(g.minP().floatValue());
    }
    if (g.repetitionPenalty() != null) {
      b.repetitionPenalty(g.repetitionPenalty().floatValue());
    }
    return b;
  }

  /** Whether it takes requests: false once it was closed or its engine failed for good. */
  public boolean isRunning() {
    return engine.isRunning();
  }

  /** A snapshot of the engine's counters. */
  public EngineStats engineStats() {
    return engine.stats();
  }

  /** What it runs on. */
  public ModelRuntime runtime() {
    return runtime;
  }

  /** Ends every request, then frees the model. */
  @Override
  public void close() {
    engine.close();
    try {
      adapters.close();
      runtime.close();
    } finally {
      checkpoint.close();
      if (tokenizer != null) {
        tokenizer.close();
      }
    }
  }

  /** For callers that only wait for the whole answer. */
  private enum Silent implements AnswerListener {
    LISTENER;

    @Override
    public void onDelta(Delta delta) {}

    @Override
    public void onAnswer(Answer answer) {}

    @Override
    public void onError(Throwable error) {}
  }
}
