package dev.lamina.example.family;

import dev.lamina.models.Architecture;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.KvGroup;
import dev.lamina.models.Layers;
import dev.lamina.models.MlpSpec;
import dev.lamina.models.MlpSpec.Activation;
import dev.lamina.models.RopeParameters;
import dev.lamina.models.WeightNames;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import java.util.List;

/**
 * Configuration of an example model.
 *
 * @param shape its sizes
 * @param mlp feed-forward network
 * @param rmsNormEps epsilon of every norm
 * @param rope rotary embedding of the layers that have one
 * @param nopeInterval every so many layers, one sees no positions
 */
public record ExampleConfig(
    DecoderShape shape,
    MlpSpec mlp,
    double rmsNormEps,
    RopeParameters rope,
    int nopeInterval)
    implements Architecture {
  // The checkpoint's one departure from Llama's names.
  private static final WeightNames NAMES = WeightNames.LLAMA.with("norm", "model.final_norm");

  static ExampleConfig parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(0, 0, 2048));
    return new ExampleConfig(
        shape,
        MlpSpec.gated(
            c.positiveInt("intermediate_size"), Activation.parse(c, "hidden_act", "silu"), false),
        c.numberAbove("rms_norm_eps", 0, 1e-6),
        RopeParameters.parse(c, shape),
        c.positiveInt("no_rope_layer_interval", 4));
  }

  @Override
  public List<KvGroup> kvGroups() {
    return List.of(KvGroup.of(shape, 0));
  }

  @Override
  public WeightNames weightNames() {
    return NAMES;
  }

  @Override
  public void build(Layers layers) throws ModelException {
    ExampleGraph.build(this, layers);
  }
}
