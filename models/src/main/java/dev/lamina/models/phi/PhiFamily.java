package dev.lamina.models.phi;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.MlpSpec;
import dev.lamina.models.MlpSpec.Activation;
import dev.lamina.models.ModelFamily;
import dev.lamina.models.Norm;
import dev.lamina.models.QkNorm;
import dev.lamina.models.RopeParameters;
import dev.lamina.models.RopeParameters.Keys;
import dev.lamina.models.WeightNames;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.decoder.Decoder;
import dev.lamina.models.decoder.Decoder.Branches;
import java.util.List;

/** Phi 1 and 2: parallel branches by one norm, biases everywhere, half of each head turned. */
public final class PhiFamily implements ModelFamily {
  private static final WeightNames NAMES =
      WeightNames.LLAMA
          .with("layers.*.attn.o", "model.layers.*.self_attn.dense")
          .with("layers.*.attn.qNorm", "model.layers.*.self_attn.q_layernorm")
          .with("layers.*.attn.kNorm", "model.layers.*.self_attn.k_layernorm")
          .with("layers.*.mlp.up", "model.layers.*.mlp.fc1")
          .with("layers.*.mlp.down", "model.layers.*.mlp.fc2")
          .with("norm", "model.final_layernorm");

  /** For the service loader. */
  public PhiFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("phi");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(0, 0, 2048));
    Norm norm = Norm.layer(c.numberAbove("layer_norm_eps", 0, 1e-5), true);
    return new Decoder(
            shape,
            new AttentionSpec(shape, RopeParameters.parse(c, Keys.USUAL.withPartial(0.5), shape))
                .withBias(true, true)
                .withQkNorm(c.bool("qk_layernorm", false) ? new QkNorm(norm) : null),
            MlpSpec.plain(
                c.positiveInt("intermediate_size"),
                Activation.parse(c, "hidden_act", "gelu_new"),
                true),
            norm)
        .withBranches(Branches.PARALLEL)
        .withNames(NAMES)
        .withHead(new HeadSpec(c.bool("tie_word_embeddings", false)).withBias(true));
  }
}
