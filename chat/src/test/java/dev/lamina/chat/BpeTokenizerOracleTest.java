package dev.lamina.chat;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The Java tokenizer against the Rust library: same ids, same text, over random Unicode. */
class BpeTokenizerOracleTest {
  private static final long SEED = 20261124;
  private static final int TEXTS = 1500;
  private static final String METASPACE_FIRST =
      "{\"type\":\"Metaspace\",\"replacement\":\"\u2581\",\"prepend_scheme\":\"first\",\"split\":false}";
  private static final String LLAMA2_NORMALIZER =
      """
      {"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"\u2581"},
       {"type":"Replace","pattern":{"String":" "},"content":"\u2581"}]}\
      """;
  private static final String LLAMA2_DECODER =
      """
      {"type":"Sequence","decoders":[
       {"type":"Replace","pattern":{"String":"\u2581"},"content":" "},{"type":"ByteFallback"},
       {"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]}\
      """;
  private static final String GEMMA_DECODER =
      """
      {"type":"Sequence","decoders":[
       {"type":"Replace","pattern":{"String":"\u2581"},"content":" "},{"type":"ByteFallback"},
       {"type":"Fuse"}]}\
      """;

  @TempDir Path folder;

  @Test
  void microChat_equalsTheLibrary() {
    assertEqualsLibrary(Fixtures.MICRO_CHAT.resolve("tokenizer.json"), true);
  }

  @Test
  void gpt2_equalsTheLibrary() {
    assertEqualsLibrary(
        TokenizerForms.byteLevel(
            folder,
            "pre_tokenizer",
            "{\"type\":\"ByteLevel\",\"add_prefix_space\":true,\"trim_offsets\":true,\"use_regex\":true}"),
        false);
  }

  @Test
  void llama3_equalsTheLibrary() {
    assertEqualsLibrary(
        TokenizerForms.byteLevel(
            folder,
            "pre_tokenizer",
            TokenizerForms.splits(TokenizerForms.LLAMA3),
            "model.ignore_merges",
            "true",
            "post_processor",
            """
            {"type":"Sequence","processors":[{"type":"ByteLevel","add_prefix_space":true,
              "trim_offsets":false,"use_regex":true},
             {"type":"TemplateProcessing","single":[
              {"SpecialToken":{"id":"<|endoftext|>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],
              "pair":[{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":1}}],
              "special_tokens":{"<|endoftext|>":{"id":"<|endoftext|>","ids":[4087],
               "tokens":["<|endoftext|>"]}}}]}\
            """),
        true);
  }

  @Test
  void qwenWithNfc_equalsTheLibrary() {
    assertEqualsLibrary(TokenizerForms.byteLevel(folder, "normalizer", "{\"type\":\"NFC\"}"), true);
  }

  @Test
  void o200k_equalsTheLibrary() {
    assertEqualsLibrary(
        TokenizerForms.byteLevel(
            folder, "pre_tokenizer", TokenizerForms.splits(TokenizerForms.O200K)),
        true);
  }

  @Test
  void deepSeek_equalsTheLibrary() {
    assertEqualsLibrary(
        TokenizerForms.byteLevel(
            folder,
            "pre_tokenizer",
            TokenizerForms.splits(
                "\\p{N}{1,3}",
                "[\u4E00-\u9FA5\u3040-\u309F\u30A0-\u30FF]+",
                TokenizerForms.DEEPSEEK)),
        true);
  }

  @Test
  void scriptsInAnIntersection_equalTheLibrary() {
    assertEqualsLibrary(
        TokenizerForms.byteLevel(
            folder, "pre_tokenizer", TokenizerForms.splits(TokenizerForms.HAN)),
        true);
  }

  @Test
  void otherPreTokenizers_equalTheLibrary() {
    for (String part :
        new String[] {
          "{\"type\":\"Digits\",\"individual_digits\":true}",
          "{\"type\":\"Digits\",\"individual_digits\":false}",
          "{\"type\":\"Punctuation\",\"behavior\":\"Isolated\"}",
          "{\"type\":\"WhitespaceSplit\"}",
          "{\"type\":\"Whitespace\"}",
          "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"\\\\s\"},\"behavior\":\"Removed\",\"invert\":false}",
          "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"\\\\s\"},\"behavior\":\"MergedWithPrevious\",\"invert\":false}",
          "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"\\\\w\"},\"behavior\":\"MergedWithNext\",\"invert\":true}",
          "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"\\\\w\"},\"behavior\":\"Contiguous\",\"invert\":false}",
        }) {
      assertEqualsLibrary(
          TokenizerForms.byteLevel(
              folder,
              "pre_tokenizer",
              "{\"type\":\"Sequence\",\"pretokenizers\":["
                  + part
                  + ",{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":false}]}"),
          false);
    }
  }

  @Test
  void addedTokensOfEveryKind_equalTheLibrary() {
    assertEqualsLibrary(
        TokenizerForms.byteLevel(
            folder,
            "normalizer",
            "{\"type\":\"Lowercase\"}",
            "added_tokens",
            """
            [{"id":4087,"content":"<|im_start|>","single_word":false,"lstrip":false,
              "rstrip":false,"normalized":false,"special":true},
             {"id":4088,"content":"[STRIP]","single_word":false,"lstrip":true,"rstrip":true,
              "normalized":false,"special":true},
             {"id":4089,"content":"word","single_word":true,"lstrip":false,"rstrip":false,
              "normalized":true,"special":false},
             {"id":4090,"content":"<Extra>","single_word":false,"lstrip":false,"rstrip":true,
              "normalized":true,"special":false},
             {"id":4091,"content":"<think>","single_word":false,"lstrip":false,"rstrip":false,
              "normalized":false,"special":false},
             {"id":4092,"content":"<think","single_word":false,"lstrip":false,"rstrip":false,
              "normalized":false,"special":false}]\
            """),
        false);
  }

  @Test
  void llama2_equalsTheLibrary() {
    assertEqualsLibrary(
        TokenizerForms.sentencePiece(folder, LLAMA2_NORMALIZER, "null", LLAMA2_DECODER), true);
  }

  @Test
  void metaspaceFirst_equalsTheLibrary() {
    assertEqualsLibrary(
        TokenizerForms.sentencePiece(folder, "null", METASPACE_FIRST, LLAMA2_DECODER), true);
  }

  @Test
  void metaspaceWithSplits_equalsTheLibrary() {
    String metaspace =
        "{\"type\":\"Metaspace\",\"replacement\":\"\u2581\",\"prepend_scheme\":\"always\",\"split\":true}";
    assertEqualsLibrary(TokenizerForms.sentencePiece(folder, "null", metaspace, metaspace), false);
  }

  @Test
  void gemma_equalsTheLibrary() {
    assertEqualsLibrary(
        TokenizerForms.sentencePiece(
            folder,
            "{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"\u2581\"}",
            "{\"type\":\"Split\",\"pattern\":{\"String\":\" \"},\"behavior\":\"MergedWithPrevious\",\"invert\":false}",
            GEMMA_DECODER),
        true);
  }

  @Test
  void anyIds_decodeAsTheLibraryDoes() {
    Path file = Fixtures.MICRO_CHAT.resolve("tokenizer.json");
    TokenizerConfig config = new TokenizerConfig(null, null, null, null);
    RandomText random = new RandomText(SEED);
    try (Tokenizer java = BpeTokenizer.create(TokenizerJson.read(file), config);
        Tokenizer library = DjlTokenizer.create(TokenizerJson.read(file), config)) {
      for (int i = 0; i < TEXTS; i++) {
        int[] ids = new int[random.below(12)];
        for (int j = 0; j < ids.length; j++) {
          // Mostly single bytes, so that most of the text is no UTF-8.
          ids[j] = random.below(4) == 0 ? random.below(4096) : random.below(256);
        }
        assertThat(java.decode(ids, i % 2 == 0))
            .as("seed " + SEED + " list " + i)
            .isEqualTo(library.decode(ids, i % 2 == 0));
      }
    }
  }

  /**
   * @param decodesBack whether decoding the ids gives text that the library gives too for any ids
   */
  private static void assertEqualsLibrary(Path file, boolean decodesBack) {
    TokenizerConfig config = new TokenizerConfig(null, null, null, null);
    RandomText texts = new RandomText(SEED);
    try (Tokenizer java = BpeTokenizer.create(TokenizerJson.read(file), config);
        Tokenizer library = DjlTokenizer.create(TokenizerJson.read(file), config)) {
      for (int i = 0; i < TEXTS; i++) {
        String text = texts.next();
        String where = "seed " + SEED + " text " + i + ": " + escaped(text);
        int[] ids = java.encode(text, i % 2 == 0);
        assertThat(ids).as(where).isEqualTo(library.encode(text, i % 2 == 0));
        assertThat(java.decode(ids, true)).as(where).isEqualTo(library.decode(ids, true));
        assertThat(java.decode(ids, false)).as(where).isEqualTo(library.decode(ids, false));
      }
      assertThat(java.encode("", true)).isEqualTo(library.encode("", true));
      if (decodesBack) {
        assertThat(java.decode(java.encode("a plain text", false), true)).isEqualTo("a plain text");
      }
    }
  }

  private static String escaped(String text) {
    StringBuilder out = new StringBuilder();
    for (char c : text.toCharArray()) {
      out.append(c >= ' ' && c < 127 ? Character.toString(c) : String.format("\\u%04X", (int) c));
    }
    return out.toString();
  }
}
