package dev.lamina.cli;

import dev.lamina.AnswerStream;
import dev.lamina.Delta;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.concurrent.atomic.AtomicReference;
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
      /system TEXT     forgets it and instructs the model
      /exit            ends (as Ctrl-D does); Ctrl-C stops an answer\
      """;

  private final RunCommand.Conversation conversation;
  private final String modelName;

  ChatTerminal(RunCommand.Conversation conversation, String modelName) {
    this.conversation = conversation;
    this.modelName = modelName;
  }

  void run() throws IOException {
    AtomicReference<@Nullable AnswerStream> running = new AtomicReference<@Nullable AnswerStream>();
    try (Terminal terminal = TerminalBuilder.builder().system(true).build()) {
      terminal.handle(Terminal.Signal.INT, signal -> stop(running));
      LineReader reader = LineReaderBuilder.builder().terminal(terminal).build();
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
          ask(line, out, running);
        }
      }
    }
  }

  private static void stop(AtomicReference<@Nullable AnswerStream> running) {
    AnswerStream stream = running.get();
    if (stream != null) {
      stream.close();
    }
  }

  private void command(String line, PrintWriter out) {
    if (line.equals("/reset")) {
      conversation.reset();
      out.println("forgotten");
    } else if (line.startsWith("/system ")) {
      conversation.instruct(line.substring("/system ".length()).strip());
      out.println("instructed");
    } else {
      out.println(line.equals("/help") ? HELP : "no command " + line + "\n" + HELP);
    }
    out.flush();
  }

  private void ask(
      String question, PrintWriter out, AtomicReference<@Nullable AnswerStream> running) {
    try (AnswerStream stream = conversation.start(question)) {
      running.set(stream);
      StringBuilder text = new StringBuilder();
      for (Delta delta : stream) {
        out.print(delta.text());
        out.flush();
        text.append(delta.text());
      }
      conversation.answered(text.toString());
    } catch (RuntimeException e) {
      out.print("error: " + Main.line(e));
      conversation.forgetQuestion();
    } finally {
      running.set(null);
      out.println();
      out.flush();
    }
  }
}
