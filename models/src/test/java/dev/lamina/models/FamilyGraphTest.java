package dev.lamina.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import dev.lamina.models.checkpoint.GenerationConfig;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.CompositeOp.Gate;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Op;
import dev.lamina.spi.ir.Shape;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What a configuration's keys change in the graph and in the weights it asks for. */
class FamilyGraphTest {
  private static Checkpoint checkpoint(String type, String keys) throws ModelException {
    return checkpoint(type, keys, new SyntheticTensors("test", DType.BF16, 1));
  }

  private static Checkpoint checkpoint(String type, String keys, SyntheticTensors tensors)
      throws ModelException {
    ModelConfig config =
        ModelConfig.parse(
            "config.json",
            ("{'model_type':'%s','vocab_size':96,'hidden_size':32,'num_hidden_layers':3,"
                    + "'num_attention_heads':4,'num_key_value_heads':2,'intermediate_size':48,"
                    + "'head_dim':8,'max_position_embeddings':256%s}")
                .formatted(type, keys)
                .replace('\'', '"'));
    return new Checkpoint(
        "test", config, ModelFamilies.parse(config), GenerationConfig.of(config), tensors);
  }

  private static ModelPlan plan(String type, String keys) throws ModelException {
    return ModelPlan.of(checkpoint(type, keys), ModelOptions.DEFAULT);
  }

  private static List<String> biases(ModelPlan plan) {
    return plan.weights().stream()
        .map(w -> w.spec().name())
        .filter(n -> n.startsWith("model.layers.1.") && n.endsWith(".bias"))
        .map(n -> n.substring("model.layers.1.".length()))
        .toList();
  }

  private static <T extends Op> List<T> ops(ModelPlan plan, Class<T> type) {
    return plan.graph().nodes().stream()
        .map(n -> n.op())
        .filter(type::isInstance)
        .map(type::cast)
        .toList();
  }

  @Test
  void biases_areWhereEachFamilyHasThem() throws Exception {
    assertThat(biases(plan("llama", ""))).isEmpty();
    assertThat(biases(plan("llama", ",'attention_bias':true,'mlp_bias':true")))
        .containsExactly(
            "self_attn.q_proj.bias",
            "self_attn.k_proj.bias",
            "self_attn.v_proj.bias",
            "self_attn.o_proj.bias",
            "mlp.gate_proj.bias",
            "mlp.up_proj.bias",
            "mlp.down_proj.bias");
    assertThat(biases(plan("qwen2", "")))
        .containsExactly("self_attn.q_proj.bias", "self_attn.k_proj.bias", "self_attn.v_proj.bias");
    assertThat(biases(plan("qwen3", ""))).isEmpty();
    assertThat(biases(plan("qwen3", ",'attention_bias':true"))).hasSize(4);
    assertThat(biases(plan("mistral", ",'attention_bias':true"))).isEmpty();
  }

  @Test
  void qwen3_normsEachHeadBeforeTurningIt() throws Exception {
    ModelPlan plan = plan("qwen3", "");
    assertThat(plan.weights())
        .extracting(w -> w.spec().name())
        .contains(
            "model.layers.2.self_attn.q_norm.weight", "model.layers.2.self_attn.k_norm.weight");
    assertThat(ops(plan, CompositeOp.RmsNorm.class)).hasSize(3 * 4 + 1);
  }

  @Test
  void qwen2_slidesInItsUpperLayers() throws Exception {
    ModelPlan plan =
        plan("qwen2", ",'use_sliding_window':true,'sliding_window':8,'max_window_layers':2");
    assertThat(ops(plan, CompositeOp.PagedAttention.class))
        .extracting(CompositeOp.PagedAttention::window)
        .containsExactly(0L, 0L, 8L);
  }

  @Test
  void hiddenAct_choosesTheGate() throws Exception {
    assertThat(ops(plan("llama", ",'hidden_act':'gelu'"), CompositeOp.GatedActivation.class))
        .containsOnly(new CompositeOp.GatedActivation(Gate.GEGLU_ERF));
    assertThat(
            ops(
                plan("llama", ",'hidden_act':'gelu_pytorch_tanh'"),
                CompositeOp.GatedActivation.class))
        .containsOnly(new CompositeOp.GatedActivation(Gate.GEGLU_TANH));
  }

  @Test
  void yarn_multipliesCosAndSin() throws Exception {
    ModelPlan plan =
        plan(
            "llama",
            ",'rope_scaling':{'type':'yarn','factor':4,'original_max_position_embeddings':64}");
    assertThat(ops(plan, CompositeOp.Rope.class))
        .hasSize(6)
        .allSatisfy(r -> assertThat(r.scale()).isBetween(1.138, 1.139));
    assertThat(plan.weights().stream().filter(w -> w.input().startsWith("rope"))).hasSize(1);
  }

  @Test
  void tied_usesTheTableUnlessTheCheckpointHasAHead() throws Exception {
    assertThat(plan("llama", ",'tie_word_embeddings':true").weights())
        .extracting(WeightTable.Planned::input)
        .doesNotContain("head.weight");
    Checkpoint withHead = checkpoint("llama", ",'tie_word_embeddings':true");
    assertThat(withHead.tensors().find("lm_head.weight", Shape.of(96, 32))).isNotNull();
    assertThat(ModelPlan.of(withHead, ModelOptions.DEFAULT).weights())
        .extracting(WeightTable.Planned::input)
        .contains("head.weight", "embed.weight");
  }

  @Test
  void kimiLinear_readsDenseLayersUnderEitherName() throws Exception {
    String keys = ",'first_k_dense_replace':3";
    String transformers = "model.layers.0.block_sparse_moe.gate_proj.weight";
    String makers = "model.layers.0.mlp.gate_proj.weight";
    assertThat(plan("kimi_linear", keys).weights())
        .extracting(w -> w.spec().name())
        .contains(transformers)
        .doesNotContain(makers);
    SyntheticTensors tensors = new SyntheticTensors("test", DType.BF16, 1);
    assertThat(tensors.find(makers, Shape.of(48, 32))).isNotNull();
    Checkpoint checkpoint = checkpoint("kimi_linear", keys, tensors);
    assertThat(ModelPlan.of(checkpoint, ModelOptions.DEFAULT).weights())
        .extracting(w -> w.spec().name())
        .contains(makers)
        .doesNotContain(transformers);
  }

  @Test
  void nemotronH_expertsSeeTheLatentTheConfigurationAsksFor() throws Exception {
    String layers = ",'hybrid_override_pattern':'ME*','n_routed_experts':4";
    assertThat(ops(plan("nemotron_h", layers), CompositeOp.MoeLinear.class)).hasSize(2);
    assertThat(plan("nemotron_h", layers + ",'moe_latent_size':8").weights())
        .filteredOn(w -> w.spec().name().startsWith("backbone.layers.1.mixer.fc"))
        .extracting(w -> w.spec().name(), w -> w.spec().type().shape())
        .containsExactly(
            tuple("backbone.layers.1.mixer.fc1_latent_proj.weight", Shape.of(8, 32)),
            tuple("backbone.layers.1.mixer.fc2_latent_proj.weight", Shape.of(32, 8)));
  }
}
