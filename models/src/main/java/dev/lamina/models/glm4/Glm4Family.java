package dev.lamina.models.glm4;

import dev.lamina.models.ModelFamily;
import dev.lamina.models.WeightNames;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.decoder.Decoder;
import dev.lamina.models.decoder.Decoder.Placement;
import java.util.List;

/** GLM 4: {@link GlmFamily} with norms around each branch. */
public final class Glm4Family implements ModelFamily {
  private static final WeightNames NAMES =
      GlmFamily.NAMES
          .with("layers.*.attn.postNorm", "model.layers.*.post_self_attn_layernorm")
          .with("layers.*.mlp.postNorm", "model.layers.*.post_mlp_layernorm");

  /** For the service loader. */
  public Glm4Family() {}

  @Override
  public List<String> modelTypes() {
    return List.of("glm4");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    return GlmFamily.decoder(c).withNorms(Placement.AROUND).withNames(NAMES);
  }
}
