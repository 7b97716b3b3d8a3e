package dev.lamina;

import java.nio.file.Path;

/**
 * A LoRA adapter as PEFT saves it.
 *
 * @param name what requests call it
 * @param folder with {@code adapter_config.json} and {@code adapter_model.safetensors}
 */
public record AdapterSource(String name, Path folder) {
  /** Checks the name. */
  public AdapterSource {
    if (name.isBlank()) {
      throw new LaminaException("adapter %s: expected a name, got a blank one".formatted(folder));
    }
  }

  /**
   * An adapter as flags name it.
   *
   * @param text {@code NAME=DIR}, or {@code DIR} alone, whose last part is the name then
   */
  public static AdapterSource parse(String text) {
    int equals = text.indexOf('=');
    Path folder = Path.of(text.substring(equals + 1));
    if (equals > 0) {
      return new AdapterSource(text.substring(0, equals), folder);
    }
    Path last = folder.toAbsolutePath().normalize().getFileName();
    return new AdapterSource(last == null ? "" : last.toString(), folder);
  }
}
