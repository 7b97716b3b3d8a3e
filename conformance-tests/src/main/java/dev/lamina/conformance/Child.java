package dev.lamina.conformance;

import dev.lamina.spi.BackendOptions;
import dev.lamina.spi.BackendProvider;
import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.reflect.Constructor;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * The process in which a backend runs, so that it may crash: takes ids of cases from its standard
 * input and answers with {@link ResultLines}. What the backend prints goes between the lines.
 *
 * <p>Not for calling; public for the launcher.
 */
public final class Child {
  private final Map<String, Case> cases = new HashMap<>();
  private final Context context;
  private final OutputStream answers;
  private final Thread worker;
  private final ExecutorService work;

  private Child(BackendProvider provider, int ordinal, BackendOptions options, long seed) {
    this.context = new Context(provider, ordinal, options);
    this.answers = new FileOutputStream(FileDescriptor.out);
    CaseCatalog.of(seed).cases().forEach(c -> cases.put(c.id().toString(), c));
    List<Thread> made = new ArrayList<>();
    this.work =
        Executors.newSingleThreadExecutor(task -> {
          made.add(Thread.ofPlatform().daemon().name("conformance").unstarted(task));
          return made.getLast();
        });
    work.submit(() -> {});
    this.worker = made.getLast();
  }

  /** Arguments for {@link #main}. */
  static List<String> arguments(ConformanceOptions o) {
    List<String> args = new ArrayList<>();
    args.add(o.provider().getClass().getName());
    args.add(Integer.toString(o.ordinal()));
    args.add(Integer.toString(o.backendOptions().threads()));
    args.add(Long.toString(o.seed()));
    o.backendOptions().properties().forEach((key, value) -> args.add(key + "=" + value));
    return args;
  }

  /**
   * Runs cases until the standard input ends.
   *
   * @param args as {@link #arguments} makes them
   * @throws Exception if the provider can't be made
   */
  public static void main(String[] args) throws Exception {
    Constructor<?> constructor = Class.forName(args[0]).getDeclaredConstructor();
    constructor.setAccessible(true);
    BackendProvider provider = (BackendProvider) constructor.newInstance();
    Map<String, String> properties = new LinkedHashMap<>();
    for (int i = 4; i < args.length; i++) {
      int end = args[i].indexOf('=');
      properties.put(args[i].substring(0, end), args[i].substring(end + 1));
    }
    BackendOptions options = new BackendOptions(Integer.parseInt(args[2]), properties);
    new Child(provider, Integer.parseInt(args[1]), options, Long.parseLong(args[3])).serve();
  }

  private void serve() throws Exception {
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    answer(ResultLines.line(ResultLines.READY));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      if (line.equals(ResultLines.WHERE)) {
        answer(ResultLines.line(ResultLines.WHERE, CaseRunner.whereabouts(worker)));
      } else {
        Case c = cases.get(line);
        if (c == null) {
          throw new IllegalArgumentException("conformance: no case " + line);
        }
        work.submit(() -> run(c));
      }
    }
    work.submit(context::close).get();
    System.exit(0);
  }

  private void run(Case c) {
    CaseResult result = CaseRunner.ask(c, context);
    ResultLines.of(result).forEach(this::answer);
  }

  /** In one write, so that what the backend prints can't stand in the middle of it. */
  private void answer(String line) {
    try {
      answers.write((line + "\n").getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException("conformance: no one reads the results", e);
    }
  }
}
