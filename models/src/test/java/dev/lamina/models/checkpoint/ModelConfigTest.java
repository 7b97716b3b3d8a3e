package dev.lamina.models.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ModelConfigTest {
  private static ModelConfig config(String json) throws ModelException {
    return ModelConfig.parse("config.json", json.replace('\'', '"'));
  }

  private static void refuses(ThrowingCallable call, String message) {
    assertThatThrownBy(call)
        .isInstanceOf(ModelException.class)
        .hasMessage("read config.json: " + message + "; correct the file or fetch it again");
  }

  @Test
  void getters_giveValuesAndDefaults() throws Exception {
    ModelConfig c =
        config(
            "{'s':'x','i':3,'d':1e-6,'b':true,'n':null,'o':{'k':5},'l':[1,2],'t':['a'],'f':[0.5,2]}");
    assertThat(c.string("s")).isEqualTo("x");
    assertThat(c.string("n", "y")).isEqualTo("y");
    assertThat(c.positiveInt("i")).isEqualTo(3);
    assertThat(c.positiveInt("n", 7)).isEqualTo(7);
    assertThat(c.numberAbove("d", 0)).isEqualTo(1e-6);
    assertThat(c.numberAbove("i", 0)).isEqualTo(3);
    assertThat(c.bool("b", false)).isTrue();
    assertThat(c.object("o").positiveInt("k")).isEqualTo(5);
    assertThat(c.object("n")).isNull();
    assertThat(c.integers("l")).containsExactly(1, 2);
    assertThat(c.integers("i")).containsExactly(3);
    assertThat(c.integers("n")).isEmpty();
    assertThat(c.strings("t")).containsExactly("a");
    assertThat(c.positiveNumbers("f", 2)).containsExactly(0.5, 2);
    assertThat(c.has("n")).isFalse();
    assertThat(c.names("n")).isTrue();
    assertThat(c.names("z")).isFalse();
  }

  @Test
  void parse_takesPythonsInfinity() throws Exception {
    assertThat(config("{'limit':[0.0, Infinity],'x':1}").positiveInt("x")).isEqualTo(1);
  }

  @Test
  void positiveInt_refusesWhatIsMissingOfAnotherTypeOrOutOfRange() throws Exception {
    ModelConfig c = config("{'z':0,'t':'4','f':4.5,'b':3000000000,'o':{'k':-1}}");
    String expected = "expected a whole number from 1 to 2147483647, got ";
    refuses(() -> c.positiveInt("m"), "m: " + expected + "no such key");
    refuses(() -> c.positiveInt("z"), "z: " + expected + "0");
    refuses(() -> c.positiveInt("t"), "t: " + expected + "\"4\"");
    refuses(() -> c.positiveInt("f"), "f: " + expected + "4.5");
    refuses(() -> c.positiveInt("b"), "b: " + expected + "3000000000");
    refuses(() -> c.object("o").positiveInt("k"), "o.k: " + expected + "-1");
  }

  @Test
  void otherGetters_refuseWhatDoesNotFit() throws Exception {
    ModelConfig c = config("{'i':3,'n':-1,'l':[1,'x'],'inf':Infinity}");
    refuses(() -> c.string("i"), "i: expected a text, got 3");
    refuses(() -> c.bool("i", true), "i: expected true or false, got 3");
    refuses(() -> c.object("i"), "i: expected an object, got 3");
    refuses(() -> c.numberAbove("n", 0), "n: expected a number above 0, got -1");
    refuses(() -> c.numberIn("i", 0, 1), "i: expected a number from 0 to 1, got 3");
    refuses(() -> c.strings("l"), "l: expected a list of texts, got [1,\"x\"]");
    refuses(
        () -> c.positiveNumbers("l", 2), "l: expected a list of 2 numbers above 0, got [1,\"x\"]");
    refuses(() -> c.integers("n"), "n: expected a whole number from 0 to 2147483647, got -1");
    assertThatThrownBy(() -> c.numberAbove("inf", 0)).hasMessageContaining("a number above 0");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "{", "[]", "3", "{\"a\":}"})
  void parse_refusesWhatIsNoObject(String json) {
    assertThatThrownBy(() -> ModelConfig.parse("config.json", json))
        .isInstanceOf(ModelException.class)
        .hasMessageStartingWith("read config.json: expected a JSON object, got ")
        .hasMessageNotContaining("\n");
  }

  @Test
  void read_refusesAnAbsentFile(@TempDir Path folder) {
    assertThatThrownBy(() -> ModelConfig.read(folder.resolve("config.json")))
        .isInstanceOf(ModelException.class)
        .hasMessageContaining("got no such file");
  }

  @Test
  void generation_mergesBothFiles(@TempDir Path folder) throws Exception {
    Files.writeString(
        folder.resolve("generation_config.json"),
        "{\"eos_token_id\":[2,7],\"temperature\":0.6,\"top_k\":20,\"top_p\":0.95,\"min_p\":0.1,"
            + "\"repetition_penalty\":1.05,\"do_sample\":true}");
    GenerationConfig g =
        GenerationConfig.read(folder, config("{'eos_token_id':3,'bos_token_id':1}"));
    assertThat(g.eosTokenIds()).containsExactly(2, 7);
    assertThat(g.bosTokenIds()).containsExactly(1);
    assertThat(g.temperature()).isEqualTo(0.6);
    assertThat(g.topK()).isEqualTo(20);
    assertThat(g.topP()).isEqualTo(0.95);
    assertThat(g.minP()).isEqualTo(0.1);
    assertThat(g.repetitionPenalty()).isEqualTo(1.05);
    assertThat(g.doSample()).isTrue();
  }

  @Test
  void generation_fallsBackToTheConfiguration(@TempDir Path folder) throws Exception {
    GenerationConfig g = GenerationConfig.read(folder, config("{'eos_token_id':3}"));
    assertThat(g.eosTokenIds()).containsExactly(3);
    assertThat(g.temperature()).isNull();
  }

  @Test
  void generation_refusesWhatIsOutOfRange() throws Exception {
    refuses(
        () -> GenerationConfig.of(config("{'top_p':1.5}")),
        "top_p: expected a number above 0 and at most 1, got 1.5");
    refuses(
        () -> GenerationConfig.of(config("{'eos_token_id':'x'}")),
        "eos_token_id: expected a whole number from 0 to 2147483647, got \"x\"");
    assertThatThrownBy(() -> GenerationConfig.of(config("{'temperature':-1}")))
        .hasMessageContaining("temperature: expected a number from 0 to");
  }
}
