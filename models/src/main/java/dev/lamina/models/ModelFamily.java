package dev.lamina.models;

import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import java.util.List;

/**
 * Door to a family of models, found by {@link java.util.ServiceLoader}: a jar on the module path
 * that provides one adds its models. Stateless.
 */
public interface ModelFamily {
  /**
   * The values of {@code model_type} in {@code config.json} that this family builds.
   *
   * @return at least one
   */
  List<String> modelTypes();

  /**
   * Parses and checks a configuration.
   *
   * @param config a {@code config.json} whose {@code model_type} is one of {@link #modelTypes()}
   * @return what the graph is built from
   * @throws ModelException if a key is missing, malformed, out of range or asks for something that
   *     is not built
   */
  Architecture parse(ModelConfig config) throws ModelException;
}
