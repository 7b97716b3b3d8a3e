package dev.lamina.models.gemma4;

import dev.lamina.models.ModelFamily;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import java.util.List;

/** Door to the family. */
public final class Gemma4Family implements ModelFamily {
  /** For the service loader. */
  public Gemma4Family() {}

  @Override
  public List<String> modelTypes() {
    return List.of("gemma4_text");
  }

  @Override
  public Gemma4Config parse(ModelConfig config) throws ModelException {
    return Gemma4Config.parse(config);
  }
}
