package dev.lamina.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.GenerationOptions;
import dev.lamina.Lamina;
import dev.lamina.LaminaOptions;
import dev.lamina.scheduler.EngineConfig;
import dev.lamina.scheduler.SamplingParams;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.jline.terminal.impl.ExternalTerminal;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Types into a chat and reads its screen, through JLine's own line discipline. */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
class ChatTerminalTest {
  private static final String CTRL_C = "\u0003";
  private static final String CTRL_D = "\u0004";

  private static Lamina lamina;

  @BeforeAll
  static void open() {
    lamina = Lamina.open("micro-chat");
  }

  @AfterAll
  static void close() {
    lamina.close();
  }

  /** What was printed; waiting for a text ends once it is there. */
  private static final class Screen extends OutputStream {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    @Override
    public synchronized void write(int b) {
      bytes.write(b);
      notifyAll();
    }

    synchronized String text() {
      return bytes.toString(StandardCharsets.UTF_8);
    }

    synchronized void await(String text) throws InterruptedException {
      while (!text().contains(text)) {
        wait();
      }
    }
  }

  /** A chat that runs in a thread of its own. */
  private static final class Chat implements AutoCloseable {
    private final Screen screen = new Screen();
    private final PipedOutputStream keys = new PipedOutputStream();
    private final ExternalTerminal terminal;
    private final Thread thread;

    Chat(Lamina model, SamplingParams sampling) throws IOException {
      terminal =
          new ExternalTerminal(
              "test", "dumb", new PipedInputStream(keys), screen, StandardCharsets.UTF_8);
      RunCommand.Conversation conversation =
          new RunCommand.Conversation(model, GenerationOptions.of(sampling), null);
      thread =
          Thread.ofPlatform()
              .daemon()
              .start(() -> new ChatTerminal(conversation, "micro-chat").run(terminal));
    }

    void type(String text) throws IOException {
      keys.write(text.getBytes(StandardCharsets.UTF_8));
      keys.flush();
    }

    String end() throws InterruptedException {
      thread.join();
      return screen.text();
    }

    @Override
    public void close() throws IOException {
      keys.close();
      terminal.close();
    }
  }

  private static SamplingParams.Builder greedy() {
    return SamplingParams.builder().temperature(0);
  }

  @Test
  void chat_answersAndTakesLinesAsTheyAreTyped() throws Exception {
    try (Chat chat = new Chat(lamina, greedy().maxTokens(20).build())) {
      chat.type("What is 12 + 30?\n");
      chat.screen.await("12 + 30 = 42.");
      chat.type("!!\n/system\n/system Be brief.\n/reset\n/nope\n" + CTRL_D);
      assertThat(chat.end())
          .contains("forgotten, no instructions", "instructed", "no command /nope", "/help ")
          .containsOnlyOnce("12 + 30 = 42.");
    }
  }

  @Test
  void ctrlC_endsTheAnswerAndNotTheProgram() throws Exception {
    try (Chat chat = new Chat(lamina, greedy().ignoreEos(true).build())) {
      chat.type("Say hello.\n");
      chat.screen.await("\n");
      while (lamina.engineStats().numRunning() == 0) {
        Thread.onSpinWait();
      }
      chat.type(CTRL_C);
      chat.type("/exit\n");
      chat.end();
      assertThat(lamina.engineStats().numRunning()).isZero();
    }
  }

  @Test
  void aFullContext_saysHowToGoOn() throws Exception {
    LaminaOptions small =
        LaminaOptions.DEFAULT.withEngine(EngineConfig.DEFAULT.withMaxModelLen(24));
    try (Lamina model = Lamina.open("micro-chat", small);
        Chat chat = new Chat(model, greedy().build())) {
      chat.type("What is 12 + 30?\nAnd 2 + 2, and 3 + 3, and 4 + 4, and 5 + 5?\n" + CTRL_D);
      assertThat(chat.end())
          .containsPattern(
              "error: prompt: expected fewer tokens than the 24 of the longest context, got \\d+;"
                  + " shorten the prompt, or /reset the conversation");
    }
  }
}
