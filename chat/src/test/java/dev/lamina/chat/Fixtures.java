package dev.lamina.chat;

import java.nio.file.Path;

/** Where the committed models lie, and JSON as tests read it. */
final class Fixtures {
  static final Path MODELS =
      Path.of(System.getProperty("lamina.fixtures", "../fixtures")).resolve("models");
  static final Path MICRO_CHAT = MODELS.resolve("micro-chat");

  private Fixtures() {}

  static Path model(String name) {
    return MODELS.resolve(name);
  }
}
