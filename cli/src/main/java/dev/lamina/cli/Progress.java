package dev.lamina.cli;

import java.util.function.Consumer;

/** Lines of progress on stderr. */
final class Progress {
  private Progress() {}

  static Consumer<String> stderr() {
    return line -> System.err.println("lamina: " + line);
  }
}
