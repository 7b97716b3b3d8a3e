package dev.lamina.models.llama4;

import dev.lamina.models.ModelFamily;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import java.util.List;

/** Door to the family. */
public final class Llama4Family implements ModelFamily {
  /** For the service loader. */
  public Llama4Family() {}

  @Override
  public List<String> modelTypes() {
    return List.of("llama4_text");
  }

  @Override
  public Llama4Config parse(ModelConfig config) throws ModelException {
    return Llama4Config.parse(config);
  }
}
