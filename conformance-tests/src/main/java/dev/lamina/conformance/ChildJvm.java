package dev.lamina.conformance;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** A running {@link Child} as its parent sees it: lines in and out, and how it ended. */
final class ChildJvm implements AutoCloseable {
  private static final int TAIL_LINES = 200;

  /** Options of this JVM that a second one must not take. */
  private static final String OWN_OPTIONS =
      "-(agentlib:jdwp|Xrunjdwp|XX:AOTCacheOutput|XX:AOTMode|XX:ErrorFile|XX:OnError"
          + "|XX:StartFlightRecording|XX:HeapDumpPath|Xlog:disable).*";

  private final Process process;
  private final PrintStream to;
  private final BlockingQueue<String> answers = new LinkedBlockingQueue<>();
  private final Deque<String> printed = new ArrayDeque<>();
  private final Thread reader;

  private ChildJvm(Process process) {
    this.process = process;
    this.to = new PrintStream(process.getOutputStream(), true, StandardCharsets.UTF_8);
    this.reader =
        Thread.ofPlatform()
            .daemon()
            .name("conformance-reader")
            .start(() -> read(process.getInputStream()));
  }

  /**
   * Starts one with the class path and the options of this JVM.
   *
   * @param folder where the JVM leaves its log of a crash
   */
  static ChildJvm start(ConformanceOptions options, Path folder) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
        .filter(a -> !a.matches(OWN_OPTIONS))
        .forEach(command::add);
    command.add("-XX:ErrorFile=" + folder.resolve("crash-%p.log"));
    command.add("-XX:-CreateCoredumpOnCrash");
    command.add("-cp");
    command.add(System.getProperty("java.class.path"));
    Module module = Child.class.getModule();
    if (module.isNamed()) {
      command.add("-m");
      command.add(module.getName() + "/" + Child.class.getName());
    } else {
      command.add(Child.class.getName());
    }
    command.addAll(Child.arguments(options));
    try {
      return new ChildJvm(new ProcessBuilder(command).redirectErrorStream(true).start());
    } catch (IOException e) {
      throw new UncheckedIOException("conformance: no process for the backend", e);
    }
  }

  private void read(InputStream from) {
    try (BufferedReader in =
        new BufferedReader(new InputStreamReader(from, StandardCharsets.UTF_8))) {
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        int mark = line.indexOf(ResultLines.MARK);
        keep(mark < 0 ? line : line.substring(0, mark));
        if (mark >= 0) {
          answers.add(line.substring(mark + ResultLines.MARK.length()));
        }
      }
    } catch (IOException e) {
      keep("output lost: " + e.getMessage());
    }
  }

  private void keep(String line) {
    if (!line.isBlank()) {
      synchronized (printed) {
        printed.add(line);
        if (printed.size() > TAIL_LINES) {
          printed.remove();
        }
      }
    }
  }

  ProcessHandle handle() {
    return process.toHandle();
  }

  void send(String line) {
    to.println(line);
  }

  /** The next answer, or null if none came in this time or none will come. */
  @Nullable String answer(long millis) throws InterruptedException {
    return answers.poll(millis, TimeUnit.MILLISECONDS);
  }

  /** Whether it has ended and all its answers are taken. */
  boolean isOver() throws InterruptedException {
    if (process.isAlive()) {
      return false;
    }
    // What it wrote before its end is still in the pipe.
    reader.join(2_000);
    return answers.isEmpty();
  }

  /** How it ended, in one line: exit code, signal, and what the JVM or the backend said of it. */
  String ending() {
    int code = process.exitValue();
    String signal =
        switch (code) {
          case 128 + 4 -> " (SIGILL)";
          case 128 + 6 -> " (SIGABRT)";
          case 128 + 7 -> " (SIGBUS)";
          case 128 + 8 -> " (SIGFPE)";
          case 128 + 9 -> " (SIGKILL, perhaps for want of memory)";
          case 128 + 11 -> " (SIGSEGV)";
          case 128 + 15 -> " (SIGTERM)";
          default -> "";
        };
    String said = said();
    return "exit code " + code + signal + (said.isEmpty() ? "" : ": " + said);
  }

  /** The fault and its frame from the JVM's own words, else the last line that was printed. */
  private String said() {
    List<String> lines;
    synchronized (printed) {
      lines = List.copyOf(printed);
    }
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < lines.size(); i++) {
      String line = lines.get(i).replaceAll("^# *", "").strip();
      if (lines.get(i).matches("#\\s+(SIG|EXCEPTION_|Internal Error).*")) {
        out.append(line.replaceAll(", pid=.*", ""));
      } else if (line.equals("Problematic frame:") && i + 1 < lines.size()) {
        out.append(" in ").append(lines.get(i + 1).replaceAll("^# *", "").strip());
      }
    }
    return out.isEmpty() && !lines.isEmpty() ? lines.getLast().strip() : out.toString();
  }

  /** Ends it at once. */
  void kill() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  /** Lets it close its backend and end. Returns whether it ended well within the time. */
  boolean finish(long millis) throws InterruptedException {
    to.close();
    return process.waitFor(millis, TimeUnit.MILLISECONDS) && process.exitValue() == 0;
  }

  @Override
  public void close() {
    process.destroyForcibly();
    to.close();
  }
}
