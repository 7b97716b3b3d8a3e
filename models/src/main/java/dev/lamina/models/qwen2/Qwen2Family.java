package dev.lamina.models.qwen2;

import dev.lamina.models.ModelFamily;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import java.util.List;

/** Door to the family. */
public final class Qwen2Family implements ModelFamily {
  /** For the service loader. */
  public Qwen2Family() {}

  @Override
  public List<String> modelTypes() {
    return List.of("qwen2");
  }

  @Override
  public Qwen2Config parse(ModelConfig config) throws ModelException {
    return Qwen2Config.parse(config);
  }
}
