package dev.lamina.cli;

import dev.lamina.AnswerStream;
import dev.lamina.Delta;
import dev.lamina.scheduler.InvalidRequestException;
import java.io.IOException;
import java.io.PrintWriter;
import org.jline.reader.EndOfFileException;
import org.jline.reader.LineReader;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.UserInterruptException;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;
import org.jspecify.annotations.Nullable;

/** Reads questions from the terminal; Ctrl-C stops an answer, Ctrl-D ends. */
final class ChatTerminal {
  private static final String HELP =
      """
      /help            this text
      /reset           forgets the conversation
      /system [TEXT]   forgets it and instructs the model; without TEXT no longer
      /exit            ends (as Ctrl-D does); Ctrl-C stops an answer\
      """;

  private final RunCommand.Conversation conversation;
  private final String modelName;
  private volatile @Nullable AnswerStream running;
  private volatile boolean interrupted;

  ChatTerminal(RunCommand.Conversation conversation, String modelName) {
    this.conversation = conversation;
    this.modelName = modelName;
  }

  void run() throws IOException {
    // Asking a terminal how it joins emoji draws some, and waits where nothing answers.
    try (Terminal terminal =
        TerminalBuilder.builder().system(true).graphemeCluster(false).build()) {
      run(terminal);
    }
  }

  void run(Terminal terminal) {
    terminal.handle(Terminal.Signal.INT, signal -> stop());
    // What is typed during an answer shows at the next prompt, not within the answer.
    terminal.echo(false);
    LineReader reader =
        LineReaderBuilder.builder()
            .terminal(terminal)
            // Else "!!" becomes the last line and a backslash is lost.
            .option(LineReader.Option.DISABLE_EVENT_EXPANSION, true)
            .build();
    PrintWriter out = terminal.writer();
    out.println(modelName + "; /help lists commands");
    while (true) {
      String line;
      try {
        line = reader.readLine("> ").strip();
      } catch (UserInterruptException e) {
        continue;
      } catch (EndOfFileException e) {
        return;
      }
      if (line.equals("/exit") || line.equals("/quit")) {
        return;
      }
      if (line.startsWith("/")) {
        command(line, out);
      } else if (!line.isEmpty()) {
        ask(line, out);
      }
    }
  }

  /** Ends the answer that runs, or the one that is just being started. */
  private void stop() {
    interrupted = true;
    AnswerStream stream = running;
    if (stream != null) {
      stream.close();
    }
  }

  private void command(String line, PrintWriter out) {
    if (line.equals("/reset")) {
      conversation.reset();
      out.println("forgotten");
    } else if (line.equals("/system")) {
      conversation.instruct(null);
      out.println("forgotten, no instructions");
    } else if (line.startsWith("/system ")) {
      conversation.instruct(line.substring("/system ".length()).strip());
      out.println("instructed");
    } else {
      out.println(line.equals("/help") ? HELP : "no command " + line + "\n" + HELP);
    }
    out.flush();
  }

  private void ask(String question, PrintWriter out) {
    interrupted = false;
    try (AnswerStream stream = conversation.start(question)) {
      running = stream;
      if (interrupted) {
        stop();
      }
      StringBuilder text = new StringBuilder();
      for (Delta delta : stream) {
        out.print(delta.text());
        out.flush();
        text.append(delta.text());
      }
      conversation.answered(text.toString());
    } catch (RuntimeException e) {
      boolean tooLong = e instanceof InvalidRequestException x && x.param().equals("prompt");
      out.print("error: " + Main.line(e) + (tooLong ? ", or /reset the conversation" : ""));
      conversation.forgetQuestion();
    } finally {
      running = null;
      out.println();
      out.flush();
    }
  }
}
