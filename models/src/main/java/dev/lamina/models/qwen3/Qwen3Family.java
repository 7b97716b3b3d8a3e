package dev.lamina.models.qwen3;

import dev.lamina.models.ModelFamily;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import java.util.List;

/** Door to the family. */
public final class Qwen3Family implements ModelFamily {
  /** For the service loader. */
  public Qwen3Family() {}

  @Override
  public List<String> modelTypes() {
    return List.of("qwen3");
  }

  @Override
  public Qwen3Config parse(ModelConfig config) throws ModelException {
    return Qwen3Config.parse(config);
  }
}
