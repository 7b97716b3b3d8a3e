package dev.lamina.models;

import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** Shapes of real models, for runs with random weights; each is a {@code config.json}. */
public final class Shapes {
  private static final List<String> NAMES =
      List.of("100m", "qwen3-0.6b", "llama-3.2-1b", "llama-3.1-8b", "qwen3-8b", "qwen3-30b-a3b");

  private Shapes() {}

  /**
   * The known shapes.
   *
   * @return their names, small ones first
   */
  public static List<String> names() {
    return NAMES;
  }

  /**
   * The configuration of a shape.
   *
   * @param name one of {@link #names()}
   * @return the configuration
   * @throws ModelException if the name is not known
   */
  public static ModelConfig config(String name) throws ModelException {
    if (!NAMES.contains(name)) {
      throw new ModelException(
          "shape: expected one of %s, got '%s'; name one of these"
              .formatted(String.join(", ", NAMES), name));
    }
    try (InputStream in = Shapes.class.getResourceAsStream("shapes/" + name + ".json")) {
      if (in == null) {
        throw new ModelException("shape " + name + ": its file is not in the jar; build it again");
      }
      return ModelConfig.parse(
          "shape " + name, new String(in.readAllBytes(), StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new ModelException("shape %s: %s; build the jar again".formatted(name, e), e);
    }
  }
}
