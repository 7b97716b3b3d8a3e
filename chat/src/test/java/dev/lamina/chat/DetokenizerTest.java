package dev.lamina.chat;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DetokenizerTest {
  private static final long SEED = 7;
  private static final String LLAMA2_DECODER =
      """
      {"type":"Sequence","decoders":[
       {"type":"Replace","pattern":{"String":"\u2581"},"content":" "},{"type":"ByteFallback"},
       {"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]}\
      """;

  @TempDir Path folder;

  @Test
  void stream_equalsDecodeOfAllAndNeverSplitsACharacter() {
    assertStreams(Tokenizers.load(Fixtures.MICRO_CHAT));
  }

  @Test
  void streamOfByteTokens_equalsDecodeOfAllAndNeverSplitsACharacter() {
    TokenizerForms.sentencePiece(
        folder, "{\"type\":\"Prepend\",\"prepend\":\"\u2581\"}", "null", LLAMA2_DECODER);
    assertStreams(Tokenizers.load(folder));
  }

  @Test
  void streamOverTheLibrary_equalsDecodeOfAllAndNeverSplitsACharacter() {
    Path file = Fixtures.MICRO_CHAT.resolve("tokenizer.json");
    try (Tokenizer library =
        DjlTokenizer.create(
            TokenizerJson.read(file), new TokenizerConfig(null, null, null, null))) {
      assertStreams(library);
    }
  }

  @Test
  void characterOfManyTokens_comesOutWithItsLastToken() {
    Tokenizer tokenizer = Tokenizers.load(Fixtures.MICRO_CHAT);
    int[] ids = tokenizer.encode("\uD83D\uDE00", false);
    assertThat(ids.length).isGreaterThan(1);
    Detokenizer stream = tokenizer.detokenizer(true);
    for (int i = 0; i < ids.length - 1; i++) {
      assertThat(stream.append(ids[i])).isEmpty();
    }
    assertThat(stream.append(ids[ids.length - 1])).isEqualTo("\uD83D\uDE00");
    assertThat(stream.flush()).isEmpty();
  }

  @Test
  void flush_replacesAHalfCharacterAndStartsAnew() {
    Tokenizer tokenizer = Tokenizers.load(Fixtures.MICRO_CHAT);
    int[] ids = tokenizer.encode("\uD83D\uDE00", false);
    Detokenizer stream = tokenizer.detokenizer(true);
    assertThat(stream.append(ids[0])).isEmpty();
    assertThat(stream.flush()).isEqualTo("\uFFFD");
    assertThat(stream.append(tokenizer.encode("a", false)[0])).isEqualTo("a");
  }

  @Test
  void specialTokens_areLeftOutOnlyWhenAsked() {
    Tokenizer tokenizer = Tokenizers.load(Fixtures.MICRO_CHAT);
    int[] ids = tokenizer.encode("a<|im_end|>b<think>", false);
    assertThat(tokenizer.decode(ids, true)).isEqualTo("ab<think>");
    assertThat(tokenizer.decode(ids, false)).isEqualTo("a<|im_end|>b<think>");
  }

  @Test
  void idsOutsideTheVocabulary_giveNoText() {
    Tokenizer tokenizer = Tokenizers.load(Fixtures.MICRO_CHAT);
    int a = tokenizer.encode("a", false)[0];
    assertThat(tokenizer.decode(new int[] {-1, a, 4096, Integer.MAX_VALUE}, true)).isEqualTo("a");
  }

  private static void assertStreams(Tokenizer tokenizer) {
    RandomText texts = new RandomText(SEED);
    for (int i = 0; i < 300; i++) {
      int[] ids = tokenizer.encode(texts.next(), false);
      Detokenizer stream = tokenizer.detokenizer(true);
      StringBuilder text = new StringBuilder();
      for (int id : ids) {
        String delta = stream.append(id);
        assertThat(CodePoints.replaceLoneSurrogates(delta)).isEqualTo(delta);
        assertThat(delta).as("seed %d text %d", SEED, i).doesNotContain("\uFFFD");
        text.append(delta);
      }
      text.append(stream.flush());
      assertThat(text.toString())
          .as("seed %d text %d", SEED, i)
          .isEqualTo(tokenizer.decode(ids, true));
    }
  }
}
