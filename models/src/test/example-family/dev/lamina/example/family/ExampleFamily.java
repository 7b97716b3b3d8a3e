package dev.lamina.example.family;

import dev.lamina.models.ModelFamily;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import java.util.List;

/** Door to the example: Llama, but some layers see no positions (NoPE, arXiv:2501.18795). */
public final class ExampleFamily implements ModelFamily {
  /** For the service loader. */
  public ExampleFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("example_nope");
  }

  @Override
  public ExampleConfig parse(ModelConfig config) throws ModelException {
    return ExampleConfig.parse(config);
  }
}
