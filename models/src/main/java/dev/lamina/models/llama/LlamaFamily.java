package dev.lamina.models.llama;

import dev.lamina.models.ModelFamily;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import java.util.List;

/** Door to the family. */
public final class LlamaFamily implements ModelFamily {
  /** For the service loader. */
  public LlamaFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("llama");
  }

  @Override
  public LlamaConfig parse(ModelConfig config) throws ModelException {
    return LlamaConfig.parse(config);
  }
}
