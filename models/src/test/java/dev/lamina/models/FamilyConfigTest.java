package dev.lamina.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FamilyConfigTest {
  private static final Map<String, String> SMALL =
      Map.of(
          "vocab_size", "320",
          "hidden_size", "64",
          "num_hidden_layers", "4",
          "num_attention_heads", "4",
          "num_key_value_heads", "2",
          "intermediate_size", "128",
          "max_position_embeddings", "512");

  /** The small configuration with keys replaced; the value - leaves a key out. */
  private static Architecture parse(String type, String... changes) throws ModelException {
    Map<String, String> keys = new TreeMap<>(SMALL);
    keys.put("model_type", '"' + type + '"');
    for (int i = 0; i < changes.length; i += 2) {
      keys.put(changes[i], changes[i + 1].replace('\'', '"'));
    }
    StringBuilder json = new StringBuilder();
    keys.forEach((k, v) -> {
      if (!v.equals("-")) {
        json.append(json.isEmpty() ? "{" : ",").append('"' + k + "\":" + v);
      }
    });
    return ModelFamilies.parse(ModelConfig.parse("config.json", json + "}"));
  }

  @Test
  void parse_derivesWhatAConfigurationLeavesOut() throws Exception {
    assertThat(parse("llama", "num_key_value_heads", "-").shape())
        .isEqualTo(new DecoderShape(320, 64, 4, 4, 4, 16, 512));
    assertThat(parse("llama", "head_dim", "32").shape().headDim()).isEqualTo(32);
    assertThat(parse("qwen3").shape().headDim()).isEqualTo(128);
    assertThat(
            parse("mistral", "num_attention_heads", "16", "num_key_value_heads", "-")
                .shape()
                .numKvHeads())
        .isEqualTo(8);
    assertThat(
            parse("mistral", "num_attention_heads", "16", "num_key_value_heads", "null")
                .shape()
                .numKvHeads())
        .isEqualTo(16);
    assertThat(parse("llama", "max_position_embeddings", "-").shape().maxPositions())
        .isEqualTo(2048);
  }

  @Test
  void mistral_slidesAsItsConfigurationSays() throws Exception {
    assertThat(parse("mistral").kvGroups().getFirst().window()).isEqualTo(4096);
    assertThat(parse("mistral", "sliding_window", "null").kvGroups().getFirst().window()).isZero();
    assertThat(parse("mistral", "sliding_window", "16").kvGroups().getFirst().window())
        .isEqualTo(16);
  }

  @Test
  void qwen_slidesInTheLayersThatItsConfigurationNames() throws Exception {
    ModelConfig c =
        ModelConfig.parse(
            "config.json",
            "{\"use_sliding_window\":true,\"sliding_window\":8,\"max_window_layers\":2}");
    assertThat(LayerWindows.ofQwen(c, 4).positions()).containsExactly(0, 0, 8, 8);
    c =
        ModelConfig.parse(
            "config.json",
            "{\"use_sliding_window\":true,\"sliding_window\":8,"
                + "\"layer_types\":[\"sliding_attention\",\"full_attention\"]}");
    assertThat(LayerWindows.ofQwen(c, 2).positions()).containsExactly(8, 0);
    c = ModelConfig.parse("config.json", "{\"sliding_window\":8,\"max_window_layers\":0}");
    assertThat(LayerWindows.ofQwen(c, 2).positions()).containsExactly(0, 0);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      value = {
        "num_attention_heads|0|a whole number from 1",
        "num_key_value_heads|0|a whole number from 1",
        "vocab_size|0|a whole number from 1",
        "num_hidden_layers|0|a whole number from 1",
        "hidden_size|-|got no such key",
        "intermediate_size|-|got no such key",
        "vocab_size|'many'|got \"many\"",
        "num_key_value_heads|3|a divisor of num_attention_heads, 4, got 3",
        "hidden_size|66|num_attention_heads, 4, times an even number, got 66",
        "hidden_size|60|num_attention_heads, 4, times an even number, got 60",
        "head_dim|15|an even number",
        "rms_norm_eps|0|a number above 0, got 0",
        "rms_norm_eps|-1|a number above 0, got -1",
        "hidden_act|'mish'|one of silu, gelu, gelu_pytorch_tanh, relu, relu2, xielu, got \"mish\"",
        "tie_word_embeddings|1|true or false, got 1",
        "attention_bias|'yes'|true or false, got \"yes\"",
        "rope_theta|-5|a number above 0, got -5"
      })
  void parse_refusesABadKeyInOneLine(String key, String value, String expected) {
    assertThatThrownBy(() -> parse("llama", key, value))
        .isInstanceOf(ModelException.class)
        .hasMessageStartingWith("read config.json: " + key + ": expected ")
        .hasMessageContaining(expected)
        .hasMessageNotContaining("\n");
  }

  @Test
  void parse_refusesLayerTypesThatDoNotFit() {
    assertThatThrownBy(() -> parse("qwen3", "layer_types", "['full_attention']"))
        .hasMessageContaining("layer_types: expected a list of num_hidden_layers, 4");
    assertThatThrownBy(() -> parse("qwen2", "layer_types", "['full_attention','x','x','x']"))
        .hasMessageContaining("layer_types: expected full_attention or sliding_attention only");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      value = {
        "gemma2|use_bidirectional_attention|true|false, the other is not built, got true",
        "gemma3_text|use_bidirectional_attention|true|false, the other is not built, got true",
        "gemma2|attn_logit_softcapping|-1|a number above 0, got -1",
        "gemma3_text|layer_types|['full_attention']|a list of num_hidden_layers, 4, got [",
        "llama4_text|num_experts_per_tok|17|at most the number of experts, 16, got 17",
        "llama4_text|no_rope_layers|[1]|a list of 4 flags, 0 or 1, got [1]",
        "gemma4_text|enable_moe_block|true|false, the other is not built, got true",
        "gemma4_text|use_bidirectional_attention|'all'|null or \"vision\", the other is not built",
        "gemma4_text|num_kv_shared_layers|-1|a whole number from 0",
        "cohere2|sliding_window_pattern|0|a whole number from 1",
        "smollm3|no_rope_layers|[1,0]|a list of 4 flags, 0 or 1, got [1,0]",
        "glm4|partial_rotary_factor|1.5|a share of a head of 128 that is even, got 1.5",
        "phi3|partial_rotary_factor|0.1|a share of a head of 16 that is even, got 0.1",
        "gpt_neox|rotary_pct|0.05|a share of a head of 16 that is even, got 0.05",
        "granite|residual_multiplier|0|a number above 0, got 0",
        "opt|ffn_dim|-|a whole number from 1 to 2147483647, got no such key",
        "opt|activation_function|'tanh'|one of silu, gelu, gelu_pytorch_tanh, relu, relu2, xielu, got \"tanh\"",
        "stablelm|qk_layernorm|2|true or false, got 2",
        "starcoder2|norm_epsilon|0|a number above 0, got 0",
        "olmo2|attention_bias|0|true or false, got 0"
      })
  void parse_refusesWhatAFamilyDoesNotBuild(
      String type, String key, String value, String expected) {
    assertThatThrownBy(() -> parse(type, key, value, "ffn_dim", key.equals("ffn_dim") ? "-" : "64"))
        .isInstanceOf(ModelException.class)
        .hasMessageStartingWith("read config.json: " + key + ": expected ")
        .hasMessageContaining(expected)
        .hasMessageNotContaining("\n");
  }

  @Test
  void gpt2_namesItsSizesItsOwnWay() throws Exception {
    String[] sizes = {"n_embd", "64", "n_head", "4", "n_layer", "4", "num_key_value_heads", "-"};
    assertThat(parse("gpt2", sizes).shape())
        .isEqualTo(new DecoderShape(320, 64, 4, 4, 4, 16, 1024));
    assertThatThrownBy(() -> parse("gpt2", "n_layer", "4"))
        .hasMessageContaining("n_embd: expected a whole number from 1");
    assertThatThrownBy(() ->
            parse(
                "gpt2",
                "n_embd",
                "64",
                "n_head",
                "4",
                "n_layer",
                "4",
                "add_cross_attention",
                "true"))
        .hasMessageContaining("add_cross_attention: expected false, the other is not built");
  }

  @Test
  void textOf_takesTheTextModelOfOneThatSees() throws Exception {
    ModelConfig whole =
        ModelConfig.parse(
            "config.json",
            """
            {'model_type':'gemma3','vocab_size':99,'eos_token_id':[1,7],'tie_word_embeddings':true,
             'text_config':{'model_type':'gemma3_text','hidden_size':64,'num_hidden_layers':6,
              'intermediate_size':128,'eos_token_id':3,'tie_word_embeddings':false}}
            """
                .replace('\'', '"'));
    ModelConfig text = ModelFamilies.textOf(whole);
    assertThat(text.string("model_type")).isEqualTo("gemma3_text");
    assertThat(text.integers("eos_token_id")).containsExactly(3);
    assertThat(text.bool("tie_word_embeddings", false)).isTrue();
    assertThat(ModelFamilies.parse(text).shape())
        .isEqualTo(new DecoderShape(99, 64, 6, 8, 4, 256, 131_072));
    assertThatThrownBy(() -> text.positiveInt("sliding_window"))
        .hasMessageContaining("config.json: text_config.sliding_window: expected");
    ModelConfig plain = ModelConfig.parse("config.json", "{\"model_type\":\"llama\"}");
    assertThat(ModelFamilies.textOf(plain)).isSameAs(plain);
  }

  @Test
  void parse_refusesAnUnknownTypeAndNamesTheNearest() {
    assertThatThrownBy(() -> parse("qwen3_vl"))
        .isInstanceOf(ModelException.class)
        .hasMessageContainingAll(
            "read config.json: model_type: expected one of ",
            " llama, llama4_text, ",
            "got 'qwen3_vl'",
            "nearest is 'qwen3'",
            "docs/adding-a-model.md");
    String around = "{'model_type':'gemma3','text_config':{'model_type':'%s'}}".replace('\'', '"');
    assertThatThrownBy(() -> ModelFamilies.parse(ModelConfig.parse("c", around.formatted("gema"))))
        .hasMessageContaining("got 'gemma3' around 'gema'; nearest is 'gemma', docs/");
    assertThatThrownBy(() -> ModelFamilies.parse(ModelConfig.parse("config.json", "{\"x\":1}")))
        .hasMessageContaining("model_type: expected a text, got no such key");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      value = {
        "mixtral|num_experts_per_tok|9|at most the number of experts, 8, got 9",
        "mixtral|num_local_experts|0|a whole number from 1 to 2147483647, got 0",
        "qwen3_moe|num_experts|4|num_experts_per_tok: expected at most the number of experts, 4",
        "qwen3_moe|moe_intermediate_size|0|a whole number from 1 to 2147483647, got 0",
        "qwen3_moe|norm_topk_prob|1|true or false, got 1",
        "qwen2_moe|shared_expert_intermediate_size|-3|a whole number from 1 to 2147483647, got -3",
        "gpt_oss|swiglu_limit|-7|a number above 0, got -7",
        "gpt_oss|layer_types|['full_attention']|a list of num_hidden_layers, 4",
        "glm4_moe|n_group|3|a number that cuts 128 experts evenly, got 3",
        "glm4_moe|topk_group|2|at most n_group, 1, and enough for 8 experts, got 2",
        "deepseek_v3|qk_rope_head_dim|7|an even number, got 7",
        "deepseek_v3|kv_lora_rank|0|a whole number from 1 to 2147483647, got 0",
        "deepseek_v3|n_group|7|a number that cuts 256 experts evenly, got 7",
        "deepseek_v2|topk_method|'noaux_tc'|greedy or group_limited_greedy, got \"noaux_tc\"",
        "dots1|routed_scaling_factor|0|a number above 0, got 0",
        "llama4_text|num_experts_per_tok|17|at most the number of experts, 16, got 17"
      })
  void parse_refusesExpertsThatDoNotFit(String type, String key, String value, String expected) {
    String kept = key.equals("num_experts") ? "num_experts_per_tok" : "vocab_size";
    assertThatThrownBy(() -> parse(type, key, value, kept, key.equals("num_experts") ? "8" : "320"))
        .isInstanceOf(ModelException.class)
        .hasMessageStartingWith("read config.json: ")
        .hasMessageContaining(expected)
        .hasMessageNotContaining("\n");
  }

  @Test
  void lfm2_attendsInTheLayersThatAreNamed() throws Exception {
    assertThat(parse("lfm2", "head_dim", "-").shape().numKvHeads()).isEqualTo(2);
    assertThat(parse("lfm2", "full_attn_idxs", "[3]").kvGroups().getFirst().layers()).hasSize(1);
    assertThat(parse("lfm2", "full_attn_idxs", "[3]").recurrentState()).hasSize(3);
  }

  @Test
  void kimiLinear_readsItsMakersListsOfLayersToo() throws Exception {
    Architecture named =
        parse(
            "kimi_linear",
            "linear_attn_config",
            "{'full_attn_layers':[2,4],'kda_layers':[1,3],'num_heads':4,'head_dim':16}");
    assertThat(named.kvGroups().getFirst().layers())
        .extracting(KvGroup.LayerKv::layer)
        .containsExactly(1, 3);
    assertThat(named.recurrentState())
        .extracting(e -> e.shape())
        .contains(List.of(4, 16, 16), List.of(3, 192));
    assertThat(parse("kimi_linear", "num_hidden_layers", "9").kvGroups().getFirst().layers())
        .extracting(KvGroup.LayerKv::layer)
        .containsExactly(4, 8);
  }

  @Test
  void nemotronH_readsLayersAsLettersOrAsAList() throws Exception {
    Architecture letters =
        parse("nemotron_h", "num_hidden_layers", "-", "hybrid_override_pattern", "'MEM*-'");
    assertThat(letters.shape().numLayers()).isEqualTo(5);
    assertThat(letters.kvGroups().getFirst().layers())
        .extracting(KvGroup.LayerKv::layer)
        .containsExactly(3);
    Architecture list =
        parse("nemotron_h", "layers_block_type", "['mamba','moe','linear_attention','attention']");
    assertThat(list.recurrentState()).extracting(e -> e.layer()).containsOnly(0, 2);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      value = {
        "lfm2|layer_types|['conv']|layer_types: expected a list of num_hidden_layers, 4",
        "lfm2|layer_types|['conv','conv','conv','mamba']|layer_types: expected only conv, full_attention",
        "lfm2|conv_L_cache|1|conv_L_cache: expected",
        "mamba2|num_heads|3|num_heads: expected num_heads times head_dim to be expand times",
        "mamba2|hidden_act|'gelu'|hidden_act: expected silu",
        "mamba2|time_step_limit|[2, 1]|time_step_limit: expected a list of two numbers in ascending",
        "qwen3_5_text|linear_num_value_heads|17|linear_num_value_heads: expected a multiple of",
        "deepseek_v32|layer_types|['indexed_attention']|layer_types: expected a list of num_hidden_layers",
        "deepseek_v32|q_lora_rank|null|q_lora_rank: expected a width, since positions are chosen by",
        "deepseek_v32|index_head_dim|32|index_head_dim: expected at least qk_rope_head_dim, 64",
        "deepseek_v3|mlp_layer_types|['dense','x','sparse','sparse']|mlp_layer_types: expected only dense",
        "kimi_linear|layer_types|['linear_attention']|layer_types: expected a list of num_hidden_layers",
        "kimi_linear|linear_attn_config|{'full_attn_layers':[4],'kda_layers':[1,2]}|linear_attn_config.kda_layers: expected every layer that full_attn_layers leaves out",
        "kimi_linear|mlp_layer_types|['dense','sparse','x','x']|mlp_layer_types: expected only dense, sparse",
        "kimi_linear|num_expert_group|3|num_expert_group: expected a number that cuts 256 experts",
        "nemotron_h|layers_block_type|['mamba','x']|layers_block_type: expected only linear_attention, full",
        "nemotron_h|hybrid_override_pattern|'MX'|hybrid_override_pattern: expected only the letters M, *, -",
        "nemotron_h|n_groups|3|n_groups: expected a divisor of mamba_num_heads, 128",
        "nemotron_h|mamba_hidden_act|'gelu'|mamba_hidden_act: expected silu",
        "qwen3_5_text|layer_types|['x','x','x','x']|layer_types: expected only linear_attention, full",
      })
  void hybrids_refuseWhatIsNotBuilt(String type, String key, String value, String message) {
    String[] changes = {
      "head_dim", "16", "num_heads", "8", "hybrid_override_pattern", "'M-*E'", key, value
    };
    assertThatThrownBy(() -> parse(type, changes))
        .isInstanceOf(ModelException.class)
        .hasMessageContaining(message);
  }
}
