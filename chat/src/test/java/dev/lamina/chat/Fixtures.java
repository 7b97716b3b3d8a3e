package dev.lamina.chat;

import java.nio.file.Files;
import java.nio.file.Path;

/** Where the committed models lie, and JSON as tests read it. */
final class Fixtures {
  static final Path MODELS =
      Path.of(System.getProperty("lamina.fixtures", "../fixtures")).resolve("models");
  static final Path MICRO_CHAT = MODELS.resolve("micro-chat");

  private Fixtures() {}

  /** A committed model, or one that may lie beside the checkout. */
  static Path model(String name) {
    Path committed = MODELS.resolve(name);
    return Files.exists(committed)
        ? committed
        : MODELS.resolve("../../../shared/models").resolve(name).normalize();
  }
}
