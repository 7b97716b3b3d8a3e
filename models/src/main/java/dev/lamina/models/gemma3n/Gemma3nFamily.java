package dev.lamina.models.gemma3n;

import dev.lamina.models.ModelFamily;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import java.util.List;

/** Gemma 3n, text. */
public final class Gemma3nFamily implements ModelFamily {
  /** For the service loader. */
  public Gemma3nFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("gemma3n_text");
  }

  @Override
  public Gemma3nConfig parse(ModelConfig c) throws ModelException {
    return Gemma3nConfig.parse(c);
  }
}
