package dev.lamina.chat;

import java.util.Locale;

/** Who speaks a message. */
public enum Role {
  SYSTEM,
  USER,
  ASSISTANT,
  TOOL;

  /** The role as requests and templates spell it, such as {@code user}. */
  public String wireName() {
    return name().toLowerCase(Locale.ROOT);
  }
}
