package dev.lamina.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lamina.models.checkpoint.GenerationConfig;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.models.checkpoint.TensorSource;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Shape;
import java.util.List;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Families known by their configuration alone: their graphs build, their refusals name the key. */
class RelativesTest {
  private static final String USUAL =
      "'vocab_size':96,'hidden_size':32,'num_hidden_layers':4,'num_attention_heads':4,"
          + "'num_key_value_heads':2,'intermediate_size':48,'max_position_embeddings':128";
  private static final String GPT =
      "'vocab_size':96,'n_embd':32,'n_layer':4,'n_head':4,'n_positions':128";

  private static Checkpoint open(String type, String keys) throws ModelException {
    String all = keys.replace("USUAL", USUAL).replace("GPT", GPT);
    ModelConfig config =
        ModelConfig.parse(
            "config.json", ("{'model_type':'" + type + "'," + all + "}").replace('\'', '"'));
    return new Checkpoint(
        type,
        config,
        ModelFamilies.parse(config),
        GenerationConfig.of(config),
        new SyntheticTensors(type, DType.BF16, 1));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "afmoe|USUAL,'head_dim':8,'num_experts':8,'moe_intermediate_size':16|layers.0.attn.gate.weight layers.0.mlp.gate.weight layers.1.mlp.selection.expert_bias layers.3.mlp.postNorm.weight",
        "apertus|USUAL|layers.0.mlp.act.alpha_p layers.0.attn.qNorm.weight",
        "arcee|USUAL|layers.0.mlp.up.weight",
        "bamba|USUAL,'mamba_n_heads':8,'mamba_d_head':8,'mamba_d_state':8,'mamba_n_groups':2,'attn_layer_indices':[1]|layers.0.mamba.in.weight layers.1.attn.q.weight layers.0.mlp.norm.weight",
        "biogpt|USUAL|positions.weight layers.0.attn.q.bias",
        "bitnet|USUAL|layers.0.attn.outputNorm.weight layers.0.mlp.innerNorm.weight",
        "bloom|'vocab_size':96,'hidden_size':32,'n_layer':2,'n_head':4|embedNorm.bias alibi.slopes",
        "codegen|GPT,'rotary_dim':4|layers.0.attn.qkv.weight head.bias",
        "cohere|USUAL,'use_qk_norm':true|layers.0.attn.qNorm.weight",
        "cwm|USUAL,'sliding_window':8|layers.0.mlp.gate.weight",
        "ernie4_5|USUAL,'use_bias':true,'tie_word_embeddings':false|head.weight layers.0.mlp.gate.bias",
        "ernie4_5_moe|USUAL,'moe_num_experts':8,'moe_k':2,'moe_intermediate_size':16|layers.0.mlp.gate.weight layers.1.mlp.shared.up.weight layers.1.mlp.selection.e_score_correction_bias",
        "exaone4|USUAL|layers.0.attn.postNorm.weight layers.0.attn.kNorm.weight",
        "exaone_moe|USUAL,'num_experts':8,'moe_intermediate_size':16|layers.0.mlp.gate.weight layers.1.mlp.selection.e_score_correction_bias layers.1.mlp.shared.up.weight",
        "falcon|USUAL,'num_kv_heads':2,'new_decoder_architecture':true|layers.0.mlp.norm.weight",
        "falcon|USUAL,'num_kv_heads':2,'new_decoder_architecture':true,'num_ln_in_parallel_attn':1|layers.0.attn.qkv.weight",
        "falcon|USUAL,'multi_query':false,'parallel_attn':false,'alibi':true,'bias':true|alibi.slopes layers.0.attn.qkv.bias",
        "falcon_mamba|'vocab_size':96,'hidden_size':32,'num_hidden_layers':2|layers.0.mixer.x.weight layers.1.mixer.dt.bias",
        "falcon_h1|USUAL,'mamba_n_heads':8,'mamba_d_head':8,'mamba_d_state':8,'mamba_n_groups':2,'mamba_d_ssm':64,'ssm_multipliers':[1,2,3,4,5],'mamba_rms_norm':true|layers.0.mixer.mamba.outNorm.weight layers.0.mixer.attn.o.weight mamba.factors",
        "flex_olmo|USUAL|layers.0.attn.postNorm.weight layers.0.mlp.postNorm.weight layers.0.mlp.router.weight",
        "gemma|USUAL,'head_dim':16|embed.weight",
        "gemma3n_text|USUAL,'head_dim':8,'num_kv_shared_layers':1,'layer_types':['sliding_attention','full_attention','sliding_attention','sliding_attention']|streams.in.2.weight layers.0.streams.correct_output_scale layers.3.perLayer.gate.weight layers.2.attn.k.weight layers.3.attn.q.weight layers.0.laurel.left.weight",
        "glm4_moe_lite|USUAL,'n_routed_experts':8,'moe_intermediate_size':16,'num_key_value_heads':4|layers.0.mlp.gate.weight layers.1.mlp.selection.e_score_correction_bias layers.3.attn.kvA.weight",
        "glm_moe_dsa|USUAL,'n_routed_experts':8,'moe_intermediate_size':16,'num_key_value_heads':4,'indexer_types':['full','shared','full','shared']|layers.0.attn.index.k.weight layers.2.attn.index.q.weight",
        "glm|USUAL,'head_dim':8|layers.0.mlp.gateUp.weight",
        "gpt_oss|USUAL,'head_dim':8|layers.0.attn.sinks layers.0.mlp.experts.gate.weight layers.3.mlp.router.bias",
        "gpt_bigcode|GPT|layers.0.attn.qkv.bias positions.weight",
        "gpt_neo|'vocab_size':96,'hidden_size':32,'num_layers':2,'num_heads':4,'max_position_embeddings':64|layers.0.attn.o.bias",
        "gptj|GPT,'rotary_dim':4|head.bias layers.0.attn.q.weight",
        "granitemoe|USUAL|layers.0.mlp.experts.gateUp.weight layers.0.mlp.router.weight",
        "granitemoehybrid|USUAL,'mamba_n_heads':8,'mamba_d_head':8,'mamba_d_state':8,'mamba_n_groups':2,'layer_types':['mamba','attention','linear_attention','full_attention']|layers.0.mamba.conv.weight layers.3.attn.q.weight layers.0.mlp.shared.gateUp.weight",
        "granitemoehybrid|USUAL,'mamba_n_heads':8,'mamba_d_head':8,'mamba_d_state':8,'mamba_n_groups':2,'num_local_experts':0|layers.0.mlp.gateUp.weight layers.3.mamba.D",
        "granitemoeshared|USUAL,'shared_intermediate_size':24|layers.0.mlp.shared.gateUp.weight",
        "helium|USUAL,'head_dim':8|layers.0.mlp.gate.weight",
        "hunyuan_v1_dense|USUAL|layers.0.attn.qNorm.weight",
        "hunyuan_v1_moe|USUAL,'num_experts':4,'moe_topk':[2,2,2,2]|layers.0.mlp.shared.gate.weight layers.0.attn.kNorm.weight",
        "jais2|USUAL|layers.0.mlp.up.bias layers.0.attn.o.bias",
        "jamba|USUAL,'num_experts':4,'attn_layer_period':4,'attn_layer_offset':1|layers.0.mamba.dtNorm.weight layers.1.attn.q.weight layers.1.mlp.router.weight layers.2.mlp.gate.weight",
        "jetmoe|USUAL,'kv_channels':8,'num_local_experts':4|layers.0.attn.in.weight layers.0.attn.bias layers.0.mlp.bias layers.0.mlp.experts.gateUp.weight",
        "lfm2_moe|USUAL,'num_experts':8,'moe_intermediate_size':16,'num_dense_layers':1|layers.0.mlp.gate.weight layers.1.mlp.selection.expert_bias",
        "longcat_flash|USUAL,'num_layers':2,'ffn_hidden_size':48,'n_routed_experts':6,'moe_topk':3,'zero_expert_num':2,'expert_ffn_hidden_size':16,'num_key_value_heads':4|layers.1.attn1.kvA.weight layers.0.moe.router.weight layers.1.moe.selection.e_score_correction_bias layers.1.mlp1.down.weight",
        "minicpm3|USUAL,'num_key_value_heads':4|layers.0.attn.qA.weight layers.3.attn.kvNorm.weight layers.3.mlp.gate.weight",
        "minimax|USUAL,'num_local_experts':4|layers.0.attn.q.weight layers.1.lightning.qkv.weight layers.3.lightning.outNorm.weight lightning.rates lightning.rates.1",
        "minimax_m2|USUAL,'head_dim':8,'rotary_dim':4,'num_local_experts':8|layers.0.attn.qNorm.weight layers.0.mlp.selection.e_score_correction_bias",
        "ministral|USUAL,'layer_types':['sliding_attention','full_attention','full_attention','full_attention'],'sliding_window':8|norm.weight",
        "ministral3|USUAL,'rope_parameters':{'rope_type':'default','llama_4_scaling_beta':0.1,'original_max_position_embeddings':16}|norm.weight",
        "mamba|'vocab_size':96,'hidden_size':32,'num_hidden_layers':2,'time_step_rank':'auto'|layers.0.mixer.in.weight layers.1.mixer.conv.bias",
        "mpt|'vocab_size':96,'d_model':32,'n_layers':2,'n_heads':4,'max_seq_len':64|alibi.slopes",
        "hyperclovax|USUAL,'use_post_norm':true|layers.0.mlp.postNorm.weight",
        "nanochat|USUAL|layers.0.mlp.up.weight head.weight",
        "nemotron|USUAL|norm.bias layers.0.mlp.up.weight",
        "olmo|USUAL,'clip_qkv':8|norm.ones",
        "olmo3|USUAL,'sliding_window':8|layers.0.attn.postNorm.weight",
        "olmo_hybrid|USUAL,'rope_parameters':{'rope_theta':null}|layers.0.linear.qConv.weight layers.3.attn.postNorm.weight layers.3.mlp.postNorm.weight layers.2.mlp.norm.weight",
        "openai-gpt|GPT|layers.0.attn.norm.bias layers.3.mlp.norm.weight positions.weight",
        "persimmon|USUAL|layers.0.attn.qNorm.bias",
        "phi|USUAL,'qk_layernorm':true|head.bias layers.0.attn.kNorm.bias",
        "phimoe|USUAL,'lm_head_bias':true,'attention_bias':true|head.bias norm.bias layers.0.attn.o.bias",
        "qwen3_5_moe_text|USUAL,'head_dim':8,'num_experts':8|layers.0.linear.qkv.weight layers.3.mlp.sharedGate.weight",
        "recurrent_gemma|USUAL|layers.0.recurrent.unit.input_gate_weight layers.1.recurrent.conv.bias layers.2.attn.o.bias layers.3.recurrent.y.bias",
        "seed_oss|USUAL,'head_dim':16|layers.0.attn.q.bias",
        "solar_open|USUAL,'n_routed_experts':8,'head_dim':8,'moe_intermediate_size':16|layers.0.mlp.shared.up.weight",
        "vaultgemma|USUAL,'head_dim':8|layers.0.mlp.norm.weight",
        "youtu|USUAL,'num_key_value_heads':4|layers.0.attn.kB.weight layers.3.mlp.gate.weight",
      })
  void graphsBuild_withTheWeightsThatTheirMakersHave(String type, String keys, String some)
      throws Exception {
    try (Checkpoint c = open(type, keys)) {
      ModelPlan plan = ModelPlan.of(c, ModelOptions.DEFAULT);
      TreeSet<String> inputs = new TreeSet<>();
      plan.weights().forEach(w -> inputs.add(w.input()));
      assertThat(inputs).contains(some.split(" "));
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "bloom|'vocab_size':96,'hidden_size':32,'n_layer':2,'n_head':4,'apply_residual_connection_post_layernorm':true|apply_residual_connection_post_layernorm: expected false, the other is not built, got true",
        "falcon|USUAL,'num_kv_heads':3,'new_decoder_architecture':true|num_kv_heads: expected a divisor of num_attention_heads, 4, got 3",
        "gemma|USUAL,'head_dim':8,'use_bidirectional_attention':true|use_bidirectional_attention: expected false, the other is not built, got true",
        "gpt_neo|'vocab_size':96,'hidden_size':32,'num_layers':2,'num_heads':4,'attention_layers':['global']|attention_layers: expected a list of 2, global or local each, got [\"global\"]",
        "gptj|GPT,'rotary_dim':10|rotary_dim: expected an even number of at most 8, got 10",
        "mpt|'vocab_size':96,'d_model':32,'n_layers':2,'n_heads':4,'no_bias':false|no_bias: expected true, the other is not built, got false",
        "mpt|'vocab_size':96,'d_model':32,'n_layers':2,'n_heads':4,'attn_config':{'alibi':false}|attn_config.alibi: expected true, the other is not built, got false",
        "bamba|USUAL,'mamba_n_heads':8,'mamba_d_head':7|mamba_n_heads: expected mamba_n_heads times mamba_d_head to be the inner width, 64, got 8",
        "falcon_h1|USUAL,'mamba_n_heads':8,'mamba_d_ssm':64,'mamba_n_groups':3|mamba_n_groups: expected a divisor of mamba_n_heads, 8, got 3",
        "glm_moe_dsa|USUAL,'num_key_value_heads':4,'index_topk_pattern':'FS'|index_topk_pattern: expected the list indexer_types in its place, got \"FS\"",
        "glm_moe_dsa|USUAL,'num_key_value_heads':4,'indexer_types':['shared','full','full','full']|indexer_types: expected a first layer that is full, got [\"shared\",\"full\",\"full\",\"full\"]",
        "hunyuan_v1_moe|USUAL,'num_experts':4,'moe_topk':[1,2,2,2]|moe_topk: expected one whole number above 0 for all layers, others are not built, got [1,2,2,2]",
        "nanochat|USUAL,'rope_parameters':{'rope_type':'yarn','factor':2.0,'rope_theta':1e4}|rope_parameters: expected rope_type default or linear, others are not built, got {\"rope_type\":\"yarn\",\"factor\":2.0,\"rope_theta\":10000.0}",
        "phimoe|USUAL,'num_experts_per_tok':3|num_experts_per_tok: expected 2, since they are chosen one after the other, got 3",
        "gemma3n_text|USUAL,'head_dim':8,'altup_active_idx':4|altup_active_idx: expected less than altup_num_inputs, 4, got 4",
        "gemma3n_text|USUAL,'head_dim':8,'num_kv_shared_layers':1,'layer_types':['sliding_attention','sliding_attention','sliding_attention','full_attention']|num_kv_shared_layers: expected a layer of each type before the shared ones, got 1",
        "gemma3n_text|USUAL,'head_dim':8,'num_kv_shared_layers':0,'activation_sparsity_pattern':[0.5,1,0,0]|activation_sparsity_pattern: expected a list of 4 numbers from 0 to below 1, got [0.5,1,0,0]",
        "jamba|USUAL,'attn_layer_period':4,'attn_layer_offset':4|attn_layer_offset: expected less than the period, 4, got 4",
        "jamba|USUAL,'hidden_act':'gelu'|hidden_act: expected silu, got \"gelu\"",
        "jetmoe|USUAL,'num_experts_per_tok':1|num_attention_heads: expected num_key_value_heads times num_experts_per_tok, 2, got 4",
        "longcat_flash|USUAL,'num_layers':2,'num_key_value_heads':4,'q_lora_rank':null|q_lora_rank: expected a width, by which queries are scaled, got null",
        "longcat_flash|USUAL,'num_layers':2,'num_key_value_heads':4,'router_bias':true|router_bias: expected false, the other is not built, got true",
        "recurrent_gemma|USUAL,'block_types':['scan']|block_types: expected recurrent and attention, at least one of them, got [\"scan\"]",
        "recurrent_gemma|USUAL,'lru_width':33|lru_width: expected a multiple of num_attention_heads, 4, got 33",
        "llama|USUAL,'num_hidden_layers':4097|num_hidden_layers: expected at most 4096, got 4097",
        "mixtral|USUAL,'num_local_experts':16385|num_local_experts: expected at most 16384, got 16385",
        "llama|USUAL,'head_dim':8388608|sizes: expected a stream and heads of at most 1048576 elements, and at most 1073741824 positions, got 33554432 and 128",
        "arcee|USUAL,'hidden_act':'mish'|hidden_act: expected one of silu, gelu, gelu_pytorch_tanh, relu, relu2, xielu, got \"mish\"",
      })
  void refusals_nameTheKey(String type, String keys, String message) {
    assertThatThrownBy(() -> open(type, keys))
        .isInstanceOf(ModelException.class)
        .hasMessage("read config.json: %s; correct the file or fetch it again", message);
  }

  @Test
  void sizesThatDoNotFit_areRefusedByOneLine() throws Exception {
    String sizes = "'vocab_size':96,'hidden_size':32,'num_hidden_layers':2,'expand':16777216";
    try (Checkpoint c = open("falcon_mamba", sizes)) {
      assertThatThrownBy(() -> ModelPlan.of(c, ModelOptions.DEFAULT))
          .isInstanceOf(ModelException.class)
          .hasMessage(
              "plan falcon_mamba: config.json: expected sizes that fit each other, got state entry memory: expected layer >= 0 and sizes >= 1, got layer 0, [0, 1, 1]; correct the file or fetch it again");
    }
  }

  @Test
  void stacksThatAreNotThere_areNamed() throws Exception {
    try (Checkpoint c = open("gpt_oss", USUAL + ",'head_dim':8")) {
      Checkpoint less =
          new Checkpoint(
              c.name(), c.config(), c.architecture(), c.generation(), without(c.tensors(), "proj"));
      assertThatThrownBy(() -> ModelPlan.of(less, ModelOptions.DEFAULT))
          .isInstanceOf(ModelException.class)
          .hasMessageStartingWith("load ")
          .hasMessageContaining(
              "tensor 'model.layers.0.mlp.experts.gate_up_proj': expected it with shape [128,32,96]")
          .hasMessageContaining("got no such tensor");
    }
  }

  /** Tensors but for those whose names end so. */
  private static TensorSource without(TensorSource all, String part) {
    return new TensorSource() {
      @Override
      public String origin() {
        return all.origin();
      }

      @Override
      public List<StoredTensor> tensors() {
        return all.tensors().stream().filter(t -> !t.name().endsWith(part)).toList();
      }

      @Override
      public @Nullable StoredTensor find(String name) {
        return name.endsWith(part) ? null : all.find(name);
      }

      @Override
      public @Nullable StoredTensor find(String name, Shape needed) {
        return name.endsWith(part) ? null : all.find(name, needed);
      }

      @Override
      public void close() {}
    };
  }

  @Test
  void quantiles_areThoseOfTheNormalDistribution() {
    assertThat(GaussianCut.quantile(0.5)).isCloseTo(0, within(1e-12));
    assertThat(GaussianCut.quantile(0.95)).isCloseTo(1.6448536269514722, within(1e-12));
    assertThat(GaussianCut.quantile(0.001)).isCloseTo(-3.090232306167813, within(1e-12));
  }

  @Test
  void alibiSlopes_areThePapers() throws Exception {
    DecoderShape eight = new DecoderShape(96, 64, 1, 8, 8, 8, 64);
    assertThat(new AttentionSpec(eight, null).withAlibi(1).alibiSlopes())
        .containsExactly(1 / 2f, 1 / 4f, 1 / 8f, 1 / 16f, 1 / 32f, 1 / 64f, 1 / 128f, 1 / 256f);
    DecoderShape six = new DecoderShape(96, 48, 1, 6, 6, 8, 64);
    // Four heads' slopes, then the first and third of eight's.
    assertThat(new AttentionSpec(six, null).withAlibi(2).alibiSlopes())
        .containsExactly(2 / 4f, 2 / 16f, 2 / 64f, 2 / 256f, 2 / 2f, 2 / 8f);
    assertThat(new AttentionSpec(six, null).alibiSlopes()).isEmpty();
  }
}
