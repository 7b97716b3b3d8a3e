package dev.lamina.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.lamina.json.JsonTrees;
import java.io.IOException;
import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.core.JsonParser;
import tools.jackson.databind.node.ObjectNode;

class TokenizersTest {
  private static final String BOS =
      """
      {"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<|endoftext|>","type_id":0}},
       {"Sequence":{"id":"A","type_id":0}}],"pair":[{"Sequence":{"id":"A","type_id":0}},
       {"Sequence":{"id":"B","type_id":1}}],"special_tokens":{"<|endoftext|>":
       {"id":"<|endoftext|>","ids":[4087],"tokens":["<|endoftext|>"]}}}\
      """;

  @TempDir Path folder;

  @Test
  void missingFile_isNamed() {
    assertThat(Tokenizers.isPresent(folder)).isFalse();
    assertRefused(
        "load tokenizer: expected "
            + file()
            + ", there is none; use `tokens`, or put the model's tokenizer.json there");
  }

  @Test
  void brokenJson_isRefusedWithItsPlace() throws IOException {
    Files.writeString(file(), "{\"model\": {\"vocab\": {\"a\": 0,\n \"b\"");
    assertThatThrownBy(() -> Tokenizers.load(folder))
        .isInstanceOf(TokenizerException.class)
        .hasMessageStartingWith("read " + file() + ": not valid JSON at line 2 column ")
        .hasMessageEndingWith("; fetch the file again")
        .hasMessageNotContaining("\n");
  }

  @Test
  void otherJson_isRefused() throws IOException {
    Files.writeString(file(), "[1]");
    assertRefused(
        "load tokenizer "
            + file()
            + ": the file: expected a JSON object, got START_ARRAY; fetch the file again");
    Files.writeString(file(), "{\"version\":\"1.0\"}");
    assertRefused(
        "load tokenizer "
            + file()
            + ": expected a model with a vocab, found none; fetch the file again");
  }

  @Test
  void unknownModelType_isRefused() throws IOException {
    Files.writeString(file(), "{\"model\":{\"type\":\"Quantum\",\"vocab\":{\"a\":0}}}");
    assertRefused(
        "load tokenizer "
            + file()
            + ": model.type: expected BPE, Unigram, WordPiece or WordLevel, got Quantum; use `tokens`");
  }

  @Test
  void badVocabulary_isRefused() throws IOException {
    Files.writeString(file(), "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":-1},\"merges\":[]}}");
    assertRefused(
        "load tokenizer "
            + file()
            + ": model.vocab of \"a\": expected an id of 0..16777215, got -1");
    Files.writeString(
        file(), "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":\"x\"},\"merges\":[]}}");
    assertRefused(
        "load tokenizer "
            + file()
            + ": model.vocab of \"a\": expected an id, got VALUE_STRING; fetch the file again");
  }

  @Test
  void badMerges_areRefused() throws IOException {
    Files.writeString(file(), "{\"model\":{\"vocab\":{\"a\":0},\"merges\":[\"a\"]}}");
    assertRefused(
        "load tokenizer "
            + file()
            + ": model.merges[0]: expected two tokens; fetch the file again");
    Files.writeString(
        file(), "{\"model\":{\"vocab\":{\"a\":0,\"b\":1},\"merges\":[[\"a\",\"b\"]]}}");
    assertRefused(
        "load tokenizer "
            + file()
            + ": model.merges[0]: expected tokens of the vocabulary, got \"a\" and \"b\"; fetch the"
            + " file again");
  }

  @Test
  void badUnknownTokenOrAddedToken_isRefused() throws IOException {
    Files.writeString(
        file(), "{\"model\":{\"vocab\":{\"a\":0},\"merges\":[],\"unk_token\":\"<unk>\"}}");
    assertRefused(
        "load tokenizer "
            + file()
            + ": model.unk_token: expected a token of the vocabulary, got <unk>");
    Files.writeString(
        file(),
        "{\"added_tokens\":[{\"content\":\"x\"}],\"model\":{\"vocab\":{\"a\":0},\"merges\":[]}}");
    assertThatThrownBy(() -> Tokenizers.load(folder))
        .hasMessageContaining("added_tokens[0].id: expected 0 or more, got ")
        .hasMessageEndingWith("; fetch the file again");
  }

  @Test
  void templateWithoutItsToken_isRefused() {
    TokenizerForms.byteLevel(
        folder,
        "post_processor",
        "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"<s>\"}}],\"special_tokens\":{}}");
    assertRefused(
        "load tokenizer "
            + file()
            + ": post_processor: expected special_tokens to have <s>, it has not");
  }

  @Test
  void unigram_goesToTheLibrary() throws IOException {
    Files.writeString(
        file(),
        "{\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"<unk>\",0],[\"a\",-1],[\"b\",-2],[\"ab\",-1.5]]},"
            + "\"decoder\":{\"type\":\"Fuse\"},\"added_tokens\":[]}");
    try (Tokenizer tokenizer = Tokenizers.load(folder)) {
      assertThat(tokenizer).isInstanceOf(DjlTokenizer.class);
      assertThat(tokenizer.encode("aab", true)).containsExactly(1, 3);
      assertThat(tokenizer.decode(new int[] {1, 3}, true)).isEqualTo("aab");
      assertThat(tokenizer.token(3)).isEqualTo("ab");
      assertThat(tokenizer.vocabSize()).isEqualTo(4);
    }
  }

  @Test
  void patternThatJavaReadsOtherwise_goesToTheLibrary() {
    for (String pattern :
        new String[] {"\\p{N}{1,3}+", "\\h", "(?m:.)", "[[:alpha:]]", "\\p{L", "a{,3}"}) {
      assertThatThrownBy(() -> OnigPattern.compile(pattern))
          .isInstanceOf(UnsupportedPartException.class)
          .hasMessageStartingWith("pattern " + pattern + " (");
    }
    TokenizerForms.byteLevel(
        folder, "pre_tokenizer", TokenizerForms.splits("\\p{N}{1,3}+", TokenizerForms.LLAMA3));
    try (Tokenizer tokenizer = Tokenizers.load(folder)) {
      assertThat(tokenizer).isInstanceOf(DjlTokenizer.class);
      assertThat(tokenizer.decode(tokenizer.encode("12345 a", true), true)).isEqualTo("12345 a");
    }
  }

  @Test
  void withoutTheLibrary_theMissingPartIsNamed() throws Exception {
    TokenizerForms.byteLevel(folder, "normalizer", "{\"type\":\"Quantum\"}");
    URL[] path = {
      location(Tokenizers.class),
      location(JsonTrees.class),
      location(ObjectNode.class),
      location(JsonParser.class),
      location(JsonInclude.class),
    };
    try (URLClassLoader bare = new URLClassLoader(path, null)) {
      Method load = bare.loadClass(Tokenizers.class.getName()).getMethod("load", Path.class);
      assertThatThrownBy(() -> load.invoke(null, folder))
          .cause()
          .hasMessage(
              "load tokenizer "
                  + file()
                  + ": normalizer Quantum needs the library ai.djl.huggingface:tokenizers, which is"
                  + " not here; use the full bundle or `tokens`");
    }
  }

  private static URL location(Class<?> type) {
    return type.getProtectionDomain().getCodeSource().getLocation();
  }

  @Test
  void fileThatTheLibraryRefusesToo_isRefusedInOneLine() {
    TokenizerForms.byteLevel(folder, "normalizer", "{\"type\":\"Quantum\"}");
    assertThatThrownBy(() -> Tokenizers.load(folder))
        .isInstanceOf(TokenizerException.class)
        .hasMessageStartingWith("load tokenizer " + file() + ": the Rust library refused it (")
        .hasMessageNotContaining("\n");
  }

  @Test
  void bosToken_comesFromThePostProcessorUnlessTheConfigSaysOtherwise() throws IOException {
    TokenizerForms.byteLevel(folder, "post_processor", BOS);
    assertThat(Tokenizers.load(folder).encode("a", true)).containsExactly(4087, 64);
    assertThat(Tokenizers.load(folder).encode("a", false)).containsExactly(64);

    writeConfig("{\"bos_token\":\"<|endoftext|>\",\"add_bos_token\":true}");
    assertThat(Tokenizers.load(folder).encode("a", true)).containsExactly(4087, 64);
    assertThat(Tokenizers.load(folder).bosId()).hasValue(4087);

    writeConfig("{\"bos_token\":\"<|endoftext|>\",\"add_bos_token\":false}");
    assertThat(Tokenizers.load(folder).encode("a", true)).containsExactly(64);
  }

  @Test
  void tokensThatTheConfigAsksFor_areAddedWithoutAPostProcessor() throws IOException {
    TokenizerForms.byteLevel(folder, "post_processor", "null");
    writeConfig(
        "{\"bos_token\":{\"content\":\"<|endoftext|>\"},\"add_bos_token\":true,"
            + "\"eos_token\":\"<|im_end|>\",\"add_eos_token\":true}");
    Tokenizer tokenizer = Tokenizers.load(folder);
    assertThat(tokenizer.encode("a", true)).containsExactly(4087, 64, 4089);
    assertThat(tokenizer.eosId()).hasValue(4089);
  }

  @Test
  void loneSurrogates_areReadAsTheReplacementCharacter() {
    Tokenizer tokenizer = Tokenizers.load(Fixtures.MICRO_CHAT);
    for (String odd :
        new String[] {"a\uD83Db", "\uDE00", "\uD83D", "\uDE00\uD83D", "x\uD83D\uD83D\uDE00"}) {
      String sound = CodePoints.replaceLoneSurrogates(odd);
      assertThat(tokenizer.encode(odd, false)).isEqualTo(tokenizer.encode(sound, false));
      assertThat(tokenizer.decode(tokenizer.encode(odd, false), true)).isEqualTo(sound);
    }
    assertThat(CodePoints.replaceLoneSurrogates("x\uD83D\uD83D\uDE00"))
        .isEqualTo("x\uFFFD\uD83D\uDE00");
  }

  @Test
  void longTexts_takeTimeInProportion() {
    Tokenizer tokenizer = Tokenizers.load(Fixtures.MICRO_CHAT);
    for (String unit :
        new String[] {
          "The quick brown fox. ", "a", " ", "\n", "7", "\u0301", "\uD83D\uDE00", "!", "\u4F60"
        }) {
      String text = unit.repeat(100_000 / unit.length());
      long start = System.nanoTime();
      assertThat(tokenizer.decode(tokenizer.encode(text, false), true)).isEqualTo(text);
      assertThat((System.nanoTime() - start) / 1_000_000).as("ms for %s", unit).isLessThan(5_000);
    }
  }

  @Test
  void largeVocabulary_loads() {
    ObjectNode json = TokenizerForms.microChat();
    ObjectNode vocab = (ObjectNode) json.path("model").path("vocab");
    for (int id = 4096; id < 150_000; id++) {
      vocab.put("token" + id, id);
    }
    TokenizerForms.write(folder, json);
    Tokenizer tokenizer = Tokenizers.load(folder);
    assertThat(tokenizer.vocabSize()).isEqualTo(150_000);
    assertThat(tokenizer.id("token149999")).hasValue(149_999);
    assertThat(tokenizer.token(123_456)).isEqualTo("token123456");
  }

  private void assertRefused(String message) {
    assertThatThrownBy(() -> Tokenizers.load(folder))
        .isInstanceOf(TokenizerException.class)
        .hasMessage(message);
  }

  private Path file() {
    return folder.resolve("tokenizer.json");
  }

  private void writeConfig(String json) throws IOException {
    Files.writeString(folder.resolve("tokenizer_config.json"), json);
  }
}
