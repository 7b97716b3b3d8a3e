package dev.lamina.chat;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Finds the chat template of a model's folder. */
public final class ChatTemplates {
  private static final String FILE = "chat_template.jinja";
  private static final String CONFIG = "tokenizer_config.json";

  private ChatTemplates() {}

  /**
   * The template of a model's folder: {@code chat_template.jinja}, else {@code chat_template} in
   * {@code tokenizer_config.json}.
   *
   * @throws UnsupportedTemplateException when there is none, or one that cannot be rendered
   */
  public static ChatTemplate forModel(Path folder) {
    String text = templateText(folder);
    if (text == null) {
      throw new UnsupportedTemplateException(
          "chat template of "
              + folder
              + ": expected "
              + FILE
              + " or chat_template in "
              + CONFIG
              + ", found neither; use `text` or `tokens`");
    }
    return of(folder.toString(), text);
  }

  /**
   * A template by its text.
   *
   * @param origin where it comes from, for messages
   * @param text in Jinja
   * @throws UnsupportedTemplateException when it cannot be rendered
   */
  public static ChatTemplate of(String origin, String text) {
    if (!normalised(text).equals(normalised(microChatText()))) {
      throw new UnsupportedTemplateException(
          "chat template of "
              + origin
              + " is not supported yet: expected that of micro-chat, got another of "
              + text.length()
              + " characters; use `text` or `tokens`");
    }
    return new MicroChatTemplate();
  }

  /** The template of a model's folder as text, null when there is none. */
  public static @Nullable String templateText(Path folder) {
    Path file = folder.resolve(FILE);
    if (Files.exists(file)) {
      try {
        return Files.readString(file);
      } catch (IOException e) {
        throw new UnsupportedTemplateException(
            "chat template of " + folder + ": " + FILE + " cannot be read (" + e + ")");
      }
    }
    Path config = folder.resolve(CONFIG);
    if (!Files.exists(config)) {
      return null;
    }
    JsonNode template = JsonFile.readObject(config).path("chat_template");
    if (template.isString()) {
      return template.stringValue();
    }
    for (JsonNode named : template) {
      if (named.path("name").asString("").equals("default") && named.path("template").isString()) {
        return named.path("template").stringValue();
      }
    }
    return null;
  }

  private static String microChatText() {
    try (InputStream in = ChatTemplates.class.getResourceAsStream("micro-chat.jinja")) {
      if (in == null) {
        throw new AssertionError("micro-chat.jinja is not beside ChatTemplates");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Line ends and the blanks around a template do not change what it renders here. */
  private static String normalised(String text) {
    return text.replace("\r\n", "\n").strip();
  }
}
