package dev.lamina.models;

import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.gguf.GgufExport;
import dev.lamina.models.gguf.GgufPairs;
import java.util.List;

/**
 * Hyper-parameters of a {@code config.json} as metadata: the reverse of what {@link
 * dev.lamina.models.gguf.GgufCheckpoint} reads.
 */
final class GgufHyperparameters {
  private final ModelConfig config;
  private final String prefix;

  GgufHyperparameters(ModelConfig config, String architecture) {
    this.config = config;
    this.prefix = architecture + ".";
  }

  /** Puts them; the result is the divisors of rotary frequencies, none for most models. */
  float[] put(GgufPairs to, DecoderShape shape) throws ModelException {
    to.u32(prefix + "vocab_size", shape.vocabSize());
    to.u32(prefix + "context_length", shape.maxPositions());
    to.u32(prefix + "embedding_length", shape.hiddenSize());
    to.u32(prefix + "block_count", shape.numLayers());
    to.u32(prefix + "feed_forward_length", config.positiveInt("intermediate_size"));
    to.u32(prefix + "attention.head_count", shape.numHeads());
    to.u32(prefix + "attention.head_count_kv", shape.numKvHeads());
    to.u32(prefix + "attention.key_length", shape.headDim());
    to.u32(prefix + "attention.value_length", shape.headDim());
    if (!GgufExport.puts(config, "attention.layer_norm_epsilon")
        && !GgufExport.puts(config, "attention.layer_norm_rms_epsilon")) {
      to.f32(
          prefix + "attention.layer_norm_rms_epsilon", config.numberAbove("rms_norm_eps", 0, 1e-6));
    }
    GgufExport.put(config, to);
    mistral(to);
    return rope(to, shape);
  }

  /** What goes by Llama's name. */
  private void mistral(GgufPairs to) throws ModelException {
    String type = config.string("model_type");
    if (type.equals("mixtral")) {
      to.u32(prefix + "expert_count", config.positiveInt("num_local_experts", 8));
      to.u32(prefix + "expert_used_count", config.positiveInt("num_experts_per_tok", 2));
    }
    if (List.of("mistral", "mixtral").contains(type) && config.has("sliding_window")) {
      to.u32(prefix + "attention.sliding_window", config.positiveInt("sliding_window"));
    }
  }

  private float[] rope(GgufPairs to, DecoderShape shape) throws ModelException {
    boolean local = config.string("model_type").equals("gemma3_text");
    RopeParameters.Keys usual = RopeParameters.Keys.USUAL;
    RopeParameters.Keys keys =
        switch (config.string("model_type")) {
          case "gemma3_text" -> usual.withTheta(1_000_000);
          case "glm4_moe" -> usual.withPartial(0.5);
          default -> usual;
        };
    RopeParameters rope = RopeParameters.parseLayerType(config, "full_attention", keys, shape);
    to.u32(prefix + "rope.dimension_count", rope.rotaryDims());
    to.f32(prefix + "rope.freq_base", rope.theta());
    if (local) {
      RopeParameters near =
          RopeParameters.parseLayerType(config, "sliding_attention", usual, shape);
      to.f32(prefix + "rope.freq_base_swa", near.theta());
    }
    return switch (rope.scaling()) {
      case RopeScaling.Default d -> new float[0];
      case RopeScaling.Linear l -> {
        to.text(prefix + "rope.scaling.type", "linear");
        to.f32(prefix + "rope.scaling.factor", l.factor());
        yield new float[0];
      }
      case RopeScaling.Llama3 l -> llama3(l, rope.theta(), rope.rotaryDims());
      case RopeScaling.LongRope l -> longRope(l);
      case RopeScaling.Dynamic d -> throw unsupported("dynamic");
      case RopeScaling.Proportional p -> throw unsupported("proportional");
      case RopeScaling.Yarn y -> yarn(to, y);
    };
  }

  private float[] yarn(GgufPairs to, RopeScaling.Yarn y) throws ModelException {
    double own = y.factor() <= 1 ? 1 : 0.1 * Math.log(y.factor()) + 1;
    if (Math.abs(y.attentionFactor() - own) > 1e-9 || !y.truncate()) {
      throw unsupported("yarn with a factor of attention, or ends, of its own");
    }
    to.text(prefix + "rope.scaling.type", "yarn");
    to.f32(prefix + "rope.scaling.factor", y.factor());
    to.u32(prefix + "rope.scaling.original_context_length", y.originalMaxPositions());
    to.f32(prefix + "rope.scaling.yarn_beta_fast", y.betaFast());
    to.f32(prefix + "rope.scaling.yarn_beta_slow", y.betaSlow());
    return new float[0];
  }

  private float[] longRope(RopeScaling.LongRope l) throws ModelException {
    if (!l.shortFactors().equals(l.longFactors()) || l.attentionFactor() != 1) {
      throw unsupported("longrope");
    }
    return floats(l.shortFactors());
  }

  private static float[] floats(List<Double> list) {
    float[] values = new float[list.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = list.get(i).floatValue();
    }
    return values;
  }

  /** Long waves are divided by the factor, short ones by 1, those between by a blend. */
  private static float[] llama3(RopeScaling.Llama3 l, double theta, int headDim) {
    float[] divisors = new float[headDim / 2];
    for (int i = 0; i < divisors.length; i++) {
      double wave = 2 * Math.PI * Math.pow(theta, 2.0 * i / headDim);
      double turns = l.originalMaxPositions() / wave;
      double keep = (turns - l.lowFreqFactor()) / (l.highFreqFactor() - l.lowFreqFactor());
      double blend = Math.clamp(keep, 0, 1);
      divisors[i] = (float) (1 / ((1 - blend) / l.factor() + blend));
    }
    return divisors;
  }

  private ModelException unsupported(String what) {
    return new ModelException(
        "convert %s: rope_scaling: expected default, linear, llama3 or plain yarn, got %s; keep the"
                .formatted(config.origin(), what)
            + " model as safetensors");
  }
}
