package dev.lamina.cli;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import tools.jackson.databind.JsonNode;

/** Runs the command in this JVM and keeps what it printed. */
record Command(int code, String out, String err) {

  static Command run(String... args) {
    return withInput("", args);
  }

  static Command withInput(String input, String... args) {
    return withInput(input.getBytes(StandardCharsets.UTF_8), args);
  }

  /** The streams are the process's: one at a time. */
  static synchronized Command withInput(byte[] input, String... args) {
    InputStream in = System.in;
    PrintStream out = System.out;
    PrintStream err = System.err;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    ByteArrayOutputStream complained = new ByteArrayOutputStream();
    try {
      System.setIn(new ByteArrayInputStream(input));
      System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
      System.setErr(new PrintStream(complained, true, StandardCharsets.UTF_8));
      int code = Main.run(args);
      return new Command(
          code,
          printed.toString(StandardCharsets.UTF_8),
          complained.toString(StandardCharsets.UTF_8));
    } finally {
      System.setIn(in);
      System.setOut(out);
      System.setErr(err);
    }
  }

  /** The line that begins with {@code error: }, without that. */
  String error() {
    List<String> lines = err.lines().filter(l -> l.startsWith("error: ")).toList();
    if (lines.size() != 1) {
      throw new AssertionError("expected one error line, got: " + err);
    }
    return lines.getFirst().substring("error: ".length());
  }

  JsonNode json() {
    return Json.read(out);
  }

  List<JsonNode> jsonLines() {
    return out.lines().map(Json::read).toList();
  }
}
