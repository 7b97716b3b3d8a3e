package dev.lamina.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lamina.models.checkpoint.GenerationConfig;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.models.checkpoint.TensorSource;
import dev.lamina.models.ggml.GgmlType;
import dev.lamina.spi.ir.DType;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Families beside Llama's that go through a GGUF file, with random weights. */
class GgufFamiliesTest {
  private static final Pattern EXPERT = Pattern.compile("(.*\\.experts)\\.(\\d+)(\\..*)");
  private static final String USUAL =
      "'vocab_size':96,'hidden_size':32,'num_hidden_layers':4,'num_attention_heads':4,"
          + "'num_key_value_heads':2,'intermediate_size':48,'max_position_embeddings':128,"
          + "'head_dim':8,'tie_word_embeddings':false";

  @TempDir Path folder;

  private static Checkpoint open(String type, String keys) throws ModelException {
    String all = "{'model_type':'%s',%s}".formatted(type, keys.replace("USUAL", USUAL));
    ModelConfig config = ModelConfig.parse("config.json", all.replace('\'', '"'));
    Checkpoint model =
        new Checkpoint(
            type,
            config,
            ModelFamilies.parse(config),
            GenerationConfig.of(config),
            new SyntheticTensors(type, DType.BF16, 1));
    // Planning asks for every weight, and what is asked for is made.
    ModelPlan.of(model, ModelOptions.DEFAULT);
    return model;
  }

  private Path convert(Checkpoint model) throws Exception {
    Path file = folder.resolve(model.modelType() + ".gguf");
    Conversion.toGguf(model, GgmlType.BF16, file, pairs -> {}, name -> {});
    return file;
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "gemma2|USUAL,'query_pre_attn_scalar':8,'sliding_window':16,'tie_word_embeddings':true",
        "gemma3_text|USUAL,'query_pre_attn_scalar':8,'sliding_window':16,'num_hidden_layers':7,'rope_parameters':{'full_attention':{'rope_type':'linear','factor':8.0,'rope_theta':1000000.0},'sliding_attention':{'rope_type':'default','rope_theta':20000.0}}",
        "glm4_moe|USUAL,'n_routed_experts':8,'moe_intermediate_size':16,'use_qk_norm':true,'attention_bias':true,'routed_scaling_factor':1.5",
        "granite|USUAL,'attention_multiplier':0.2,'embedding_multiplier':3.0,'residual_multiplier':0.5,'logits_scaling':2.0",
        "granitemoe|USUAL,'num_experts_per_tok':3",
        "granitemoeshared|USUAL,'shared_intermediate_size':24,'logits_scaling':4.0",
        "phi3|USUAL,'partial_rotary_factor':0.5,'sliding_window':16",
        "qwen2_moe|USUAL,'num_experts':8,'moe_intermediate_size':16,'shared_expert_intermediate_size':24",
        "starcoder2|USUAL,'norm_epsilon':0.001",
      })
  void aFileHasTheModel(String type, String keys) throws Exception {
    try (Checkpoint before = open(type, keys);
        Checkpoint after = Checkpoint.open(convert(before))) {
      assertThat(after.modelType()).isEqualTo(type);
      assertThat(after.parameters()).isEqualTo(before.parameters());
      // What the configuration says is held by SameGraph, before the file is written.
      assertThat(ModelPlan.of(after, ModelOptions.DEFAULT).unused()).isEmpty();
      for (StoredTensor t : before.tensors().tensors()) {
        same(t, after.tensors(), type.startsWith("gemma"));
      }
    }
  }

  private static void same(StoredTensor t, TensorSource after, boolean gemma) {
    // Experts, one tensor each, are one stack in a GGUF file.
    Matcher expert = EXPERT.matcher(t.name());
    boolean stacked = expert.matches();
    long first = stacked ? Long.parseLong(expert.group(2)) * t.elements() : 0;
    StoredTensor u = after.find(stacked ? expert.group(1) + expert.group(3) : t.name());
    assertThat(u).as(t.name()).isNotNull();
    // Factors of Gemma's norms stand in files with 1 added, in F32.
    double close = gemma && t.name().endsWith("norm.weight") ? 6e-8 : 0;
    for (long i = 0; i < t.elements(); i++) {
      double expected = Floats.get(t, i);
      // Asked first: an assertion for each of so many elements takes its time.
      if (Math.abs(Floats.get(u, first + i) - expected) > close) {
        assertThat((double) Floats.get(u, first + i))
            .as("%s element %d", t.name(), i)
            .isCloseTo(expected, within(close));
      }
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "gemma2|USUAL,'query_pre_attn_scalar':24|scale=0.204",
        "gemma3_text|USUAL,'query_pre_attn_scalar':8,'sliding_window_pattern':2|slots.kv.1",
        "qwen2_moe|USUAL,'num_experts':8,'norm_topk_prob':true|normalised=true",
        "starcoder2|USUAL,'hidden_act':'relu'|gate=REGLU",
      })
  void whatAFileCannotSay_isRefused(String type, String keys, String what) throws Exception {
    try (Checkpoint model = open(type, keys)) {
      assertThatThrownBy(() -> convert(model))
          .isInstanceOf(ModelException.class)
          .hasMessageStartingWith(
              "convert %s: config.json: expected what GGUF files of %s can say, got a graph with '"
                  .formatted(type, type))
          .hasMessageContaining(what)
          .hasMessageEndingWith("; keep the model as safetensors");
      assertThat(folder.resolve(type + ".gguf")).doesNotExist();
    }
  }

  @Test
  void aFolderOfAFile_hasExpertsOneByOne() throws Exception {
    Path out = folder.resolve("out");
    String keys =
        "USUAL,'num_experts':4,'num_experts_per_tok':2,'moe_intermediate_size':16,'norm_topk_prob':true";
    try (Checkpoint before = open("qwen3_moe", keys);
        Checkpoint file = Checkpoint.open(convert(before))) {
      Conversion.toFolder(file, DType.BF16, out, t -> {});
      try (Checkpoint after = Checkpoint.open(out)) {
        assertThat(after.tensors().tensors().stream().map(StoredTensor::name))
            .containsExactlyInAnyOrderElementsOf(
                before.tensors().tensors().stream().map(StoredTensor::name).toList());
        for (StoredTensor t : before.tensors().tensors()) {
          StoredTensor u = after.tensors().find(t.name());
          assertThat(u.type()).as(t.name()).isEqualTo(t.type());
          assertThat(u.data().mismatch(t.data())).as(t.name()).isEqualTo(-1);
        }
      }
    }
  }
}
