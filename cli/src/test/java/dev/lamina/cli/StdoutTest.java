package dev.lamina.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class StdoutTest {
  private static OutputStream failingWith(String reason) {
    return new OutputStream() {
      @Override
      public void write(int b) throws IOException {
        throw new IOException(reason);
      }
    };
  }

  private static Command run(String reason, String... args) {
    PrintStream out = System.out;
    PrintStream err = System.err;
    ByteArrayOutputStream complained = new ByteArrayOutputStream();
    try {
      System.setOut(Stdout.printingTo(failingWith(reason)));
      System.setErr(new PrintStream(complained, true, StandardCharsets.UTF_8));
      int code = Main.run(args);
      return new Command(code, "", complained.toString(StandardCharsets.UTF_8));
    } finally {
      System.setOut(out);
      System.setErr(err);
    }
  }

  @Test
  void aFullDisk_failsTheCommandInOneLine() {
    for (String command : new String[] {"backends", "--help"}) {
      Command c = run("No space left on device", command);
      assertThat(c.code()).isEqualTo(Main.FAILED);
      assertThat(c.error())
          .isEqualTo("stdout: No space left on device; the output is not complete");
    }
  }

  @Test
  void aReaderThatLeft_failsTheCommandWithoutAWord() {
    Command c = run("Broken pipe", "backends");
    assertThat(c.code()).isEqualTo(Main.FAILED);
    assertThat(c.err()).isEmpty();
  }

  @Test
  void print_failsOnceAndIsUtf8() {
    PrintStream failing = Stdout.printingTo(failingWith("gone"));
    assertThatThrownBy(() -> failing.println("a")).isInstanceOf(Stdout.Failure.class);
    failing.println("b");
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    Stdout.printingTo(printed).println("w\u00f6rld");
    assertThat(printed.toString(StandardCharsets.UTF_8)).isEqualTo("w\u00f6rld\n");
  }
}
