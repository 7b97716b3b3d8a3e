package dev.lamina.models.cohere2;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.LayerWindows;
import dev.lamina.models.MlpSpec;
import dev.lamina.models.MlpSpec.Activation;
import dev.lamina.models.ModelFamily;
import dev.lamina.models.Norm;
import dev.lamina.models.RopeParameters;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.decoder.Decoder;
import dev.lamina.models.decoder.Decoder.Branches;
import dev.lamina.spi.ir.CompositeOp.RopeStyle;
import java.util.List;

/** Command R7B and A: parallel branches, no positions where a layer sees all. */
public final class Cohere2Family implements ModelFamily {
  /** For the service loader. */
  public Cohere2Family() {}

  @Override
  public List<String> modelTypes() {
    return List.of("cohere2");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(0, 0, 8192));
    boolean bias = c.bool("attention_bias", false);
    AttentionSpec all = new AttentionSpec(shape, null).withBias(bias, bias);
    AttentionSpec sliding =
        all.withRope(RopeParameters.parse(c, shape)).withRopeStyle(RopeStyle.INTERLEAVED);
    LayerWindows windows =
        LayerWindows.ofPattern(
            c, shape.numLayers(), LayerWindows.slidingWindow(c), "sliding_window_pattern", 4);
    return new Decoder(
            shape,
            windows.applied(all, sliding),
            MlpSpec.gated(
                c.positiveInt("intermediate_size"),
                Activation.parse(c, "hidden_act", "silu"),
                false),
            Norm.layer(c.numberAbove("layer_norm_eps", 0, 1e-5), false))
        .withBranches(Branches.PARALLEL)
        .withHead(
            new HeadSpec(c.bool("tie_word_embeddings", true))
                .withScale(c.numberAbove("logit_scale", 0, 0.0625)));
  }
}
