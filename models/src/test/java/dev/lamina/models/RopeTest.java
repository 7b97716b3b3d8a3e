package dev.lamina.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import java.util.Objects;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

/** Expected numbers: the formulas of transformers 5.18.0, evaluated in float32 with numpy. */
class RopeTest {
  private static final int MAX_POSITIONS = 512;

  private static RopeParameters parse(String json) throws ModelException {
    return parse(json, 16);
  }

  private static RopeParameters parse(String json, int headDim) throws ModelException {
    return RopeParameters.parse(
        ModelConfig.parse("config.json", json.replace('\'', '"')),
        RopeParameters.Keys.USUAL,
        headDim,
        MAX_POSITIONS);
  }

  private static RopeFrequencies frequencies(String json) throws ModelException {
    return RopeFrequencies.of(parse(json), MAX_POSITIONS);
  }

  private static void expect(RopeFrequencies rope, double scale, float... freqs) {
    assertThat(rope.scale()).isCloseTo(scale, Offset.offset(1e-12));
    float[] got = rope.freqs();
    assertThat(got).hasSize(freqs.length);
    for (int i = 0; i < freqs.length; i++) {
      assertThat(got[i]).as("pair %d", i).isCloseTo(freqs[i], Offset.offset(3e-7f * freqs[i]));
    }
  }

  @Test
  void default_isAPowerOfTheBase() throws Exception {
    float[] plain = {
      1f,
      0.316227764f,
      0.100000001f,
      0.0316227786f,
      0.00999999978f,
      0.00316227786f,
      0.00100000005f,
      0.000316227786f
    };
    expect(frequencies("{'rope_theta':10000.0}"), 1, plain);
    expect(frequencies("{}"), 1, plain);
    expect(frequencies("{'rope_scaling':null,'rope_theta':10000}"), 1, plain);
    expect(
        frequencies("{'rope_parameters':{'rope_type':'default','rope_theta':10000.0}}"), 1, plain);
  }

  @Test
  void default_roundsExponentsAsTrainingDid() throws Exception {
    RopeFrequencies rope = RopeFrequencies.of(parse("{}", 80), MAX_POSITIONS);
    assertThat(rope.freqs()[1]).isCloseTo(0.794328272f, Offset.offset(2e-7f));
    assertThat(rope.freqs()[39]).isCloseTo(0.000125892519f, Offset.offset(2e-11f));
  }

  @Test
  void linear_dividesByItsFactor() throws Exception {
    expect(
        frequencies("{'rope_theta':10000.0,'rope_scaling':{'type':'linear','factor':4.0}}"),
        1,
        0.25f,
        0.079056941f,
        0.0250000004f,
        0.00790569466f,
        0.00249999994f,
        0.000790569466f,
        0.000250000012f,
        7.90569466e-05f);
  }

  @Test
  void dynamic_growsTheBaseOnlyBeyondThePretrainedLength() throws Exception {
    String json = "{'rope_scaling':{'rope_type':'dynamic','factor':4.0}}";
    assertThat(frequencies(json).freqs()).isEqualTo(frequencies("{}").freqs());
    expect(
        RopeFrequencies.of(parse(json), 1024),
        1,
        1f,
        0.251273751f,
        0.0631385073f,
        0.0158650484f,
        0.0039864704f,
        0.0010016954f,
        0.000251699792f,
        6.32455485e-05f);
  }

  @Test
  void llama3_rampsBetweenWaveLengths() throws Exception {
    expect(
        frequencies(
            """
            {'rope_parameters':{'rope_type':'llama3','rope_theta':500000.0,'factor':8.0,
             'low_freq_factor':1.0,'high_freq_factor':4.0,'original_max_position_embeddings':32}}
            """),
        1,
        1f,
        0.0242403448f,
        0.00470075384f,
        0.000911583134f,
        0.000176776681f,
        3.42810235e-05f,
        6.64787058e-06f,
        1.28917316e-06f);
    expect(
        frequencies(
            """
            {'rope_theta':500000.0,'rope_scaling':{'rope_type':'llama3','factor':8.0,
             'low_freq_factor':1.0,'high_freq_factor':4.0,'original_max_position_embeddings':8192}}
            """),
        1,
        1f,
        0.193922758f,
        0.0376060307f,
        0.00729266508f,
        0.000524846022f,
        3.42810235e-05f,
        6.64787058e-06f,
        1.28917316e-06f);
  }

  @Test
  void yarn_rampsBetweenTurnsAndSharpensAttention() throws Exception {
    expect(
        frequencies(
            """
            {'rope_parameters':{'rope_type':'yarn','rope_theta':10000.0,'factor':4.0,
             'original_max_position_embeddings':64}}
            """),
        1.138629436111989,
        1f,
        0.237170815f,
        0.049999997f,
        0.00790569466f,
        0.00249999994f,
        0.000790569466f,
        0.000250000012f,
        7.90569466e-05f);
    expect(
        frequencies(
            """
            {'rope_scaling':{'type':'yarn','factor':4.0,'truncate':false,'attention_factor':1.5,
             'original_max_position_embeddings':64}}
            """),
        1.5,
        1f,
        0.198583528f,
        0.0255952496f,
        0.00790569466f,
        0.00249999994f,
        0.000790569466f,
        0.000250000012f,
        7.90569466e-05f);
  }

  @Test
  void yarn_takesTheQuotientOfItsScales() throws Exception {
    double factor = (0.1 * 0.7 * Math.log(40) + 1) / (0.1 * 1.0 * Math.log(40) + 1);
    RopeFrequencies rope =
        frequencies(
            """
            {'rope_scaling':{'type':'yarn','factor':40,'mscale':0.7,'mscale_all_dim':1.0,
             'beta_fast':0,'original_max_position_embeddings':64}}
            """);
    assertThat(rope.scale()).isCloseTo(factor, Offset.offset(1e-12));
  }

  @Test
  void longRope_choosesItsListByTheLengthThatWillBeRun() throws Exception {
    RopeParameters rope =
        parse(
            """
            {'original_max_position_embeddings':64,'rope_scaling':{'type':'longrope',
             'short_factor':[1,1,1,1,1,1,1,1],'long_factor':[2,2,2,2,2,2,2,4]}}
            """);
    assertThat(RopeFrequencies.of(rope, 64).freqs()).isEqualTo(frequencies("{}").freqs());
    RopeFrequencies beyond = RopeFrequencies.of(rope, 65);
    assertThat(beyond.freqs()[0]).isEqualTo(0.5f);
    assertThat(beyond.freqs()[7]).isCloseTo(7.90569466e-05f, Offset.offset(3e-11f));
    assertThat(beyond.scale()).isCloseTo(1.224744871391589, Offset.offset(1e-12));
  }

  @Test
  void lengths_tellSequencesApartOnlyBeyondThePretrainedOne() throws Exception {
    RopeParameters dynamic = parse("{'rope_scaling':{'rope_type':'dynamic','factor':4.0}}");
    assertThat(LengthLimits.scaling(dynamic, MAX_POSITIONS)).isNull();
    LengthScaling stepwise =
        Objects.requireNonNull(LengthLimits.scaling(dynamic, 2 * MAX_POSITIONS));
    assertThat(stepwise).isEqualTo(new LengthScaling(MAX_POSITIONS, true));
    assertThat(stepwise.kind(MAX_POSITIONS)).isZero();
    assertThat(stepwise.kind(MAX_POSITIONS + 1)).isNotEqualTo(stepwise.kind(MAX_POSITIONS + 2));
    RopeParameters longRope =
        parse(
            """
            {'original_max_position_embeddings':64,'rope_scaling':{'type':'longrope',
             'short_factor':[1,1,1,1,1,1,1,1],'long_factor':[2,2,2,2,2,2,2,4]}}
            """);
    assertThat(LengthLimits.scaling(longRope, 64)).isNull();
    LengthScaling lists = Objects.requireNonNull(LengthLimits.scaling(longRope, 65));
    assertThat(lists).isEqualTo(new LengthScaling(64, false));
    assertThat(new int[] {lists.kind(64), lists.kind(65), lists.kind(99)}).containsExactly(0, 1, 1);
    assertThat(lists.with(lists)).isEqualTo(lists);
    assertThat(lists.with(new LengthScaling(32, false))).isEqualTo(new LengthScaling(32, true));
  }

  @Test
  void longRope_refusesListsOfDifferentScales() {
    refuses(
        "{'rope_scaling':{'type':'longrope','short_factor':[1,1,1,1,1,1,1,1],"
            + "'long_factor':[2,2,2,2,2,2,2,4],'short_mscale':1.1,'long_mscale':1.2}}",
        "rope_scaling.short_mscale: expected what long_mscale is, 1.2, got 1.1");
  }

  @Test
  void parse_refusesWhatItDoesNotKnowInOneLine() {
    refuses("{'rope_theta':0}", "rope_theta: expected a number above 0, got 0");
    refuses(
        "{'rope_scaling':{'type':'ntk'}}",
        "rope_scaling.type: expected one of default, linear, dynamic, llama3, yarn, longrope,"
            + " got \"ntk\"");
    refuses(
        "{'rope_parameters':{'rope_type':'linear'}}",
        "rope_parameters.factor: expected a number above 0, got no such key");
    refuses(
        "{'rope_parameters':{'rope_type':'llama3','factor':8,'low_freq_factor':4,"
            + "'high_freq_factor':4}}",
        "rope_parameters.high_freq_factor: expected a number above low_freq_factor, 4.0, got 4");
    refuses(
        "{'rope_scaling':{'type':'longrope','short_factor':[1],'long_factor':[1]}}",
        "rope_scaling.short_factor: expected a list of 8 numbers above 0, got [1]");
    refuses("{'rope_scaling':3}", "rope_scaling: expected an object, got 3");
  }

  private static void refuses(String json, String message) {
    assertThatThrownBy(() -> parse(json))
        .isInstanceOf(ModelException.class)
        .hasMessage("read config.json: " + message + "; correct the file or fetch it again");
  }
}
