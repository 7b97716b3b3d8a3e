package dev.lamina.models.mistral;

import dev.lamina.models.ModelFamily;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import java.util.List;

/** Door to the family. */
public final class MistralFamily implements ModelFamily {
  /** For the service loader. */
  public MistralFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("mistral");
  }

  @Override
  public MistralConfig parse(ModelConfig config) throws ModelException {
    return MistralConfig.parse(config);
  }
}
