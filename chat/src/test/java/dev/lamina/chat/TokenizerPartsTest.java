package dev.lamina.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Holds a tokenizer that was taken apart and put together again to the one it was. */
class TokenizerPartsTest {
  private static final List<String> TEXTS =
      List.of(
          "Once upon a time, it's 12 + 30 = 42.\n\n  Two  spaces.\t",
          "<|im_start|>user\nHi<|im_end|>\n<think>",
          "caf\u00e9 \u4f60\u597d \ud83d\ude00 na\u00efve WE'LL",
          "");

  @TempDir private Path folder;

  private static void assertSame(Tokenizer got) {
    Tokenizer expected = Tokenizers.load(Fixtures.MICRO_CHAT);
    for (String text : TEXTS) {
      assertThat(got.encode(text, true)).as(text).isEqualTo(expected.encode(text, true));
      assertThat(got.decode(got.encode(text, false), true))
          .isEqualTo(expected.decode(expected.encode(text, false), true));
    }
    assertThat(got.vocabSize()).isEqualTo(expected.vocabSize());
    assertThat(got.eosId()).isEqualTo(expected.eosId());
    assertThat(got.bosId()).isEqualTo(expected.bosId());
    assertThat(got.isSpecial(4089)).isTrue();
    assertThat(got.isSpecial(4090)).isFalse();
  }

  @Test
  void partsGiveTheTokenizerThatTheyWereTakenFrom() {
    TokenizerParts parts = TokenizerParts.read(Fixtures.MICRO_CHAT, 4096);
    assertThat(parts.words()).isEqualTo("qwen2");
    assertThat(parts.tokens()).hasSize(4096);
    assertThat(parts.types().get(4089)).isEqualTo(TokenizerParts.CONTROL);
    assertThat(parts.types().get(4090)).isEqualTo(TokenizerParts.USER_DEFINED);
    assertThat(parts.addBos()).isFalse();
    assertSame(Tokenizers.of(parts));
  }

  @Test
  void writtenPartsAreReadAgain() throws IOException {
    TokenizerParts.read(Fixtures.MICRO_CHAT, 4096).write(folder);
    assertSame(Tokenizers.load(folder));
  }

  @Test
  void idsBeyondTheVocabularyAreUnused() {
    TokenizerParts parts = TokenizerParts.read(Fixtures.MICRO_CHAT, 4100);
    assertThat(parts.types().get(4099)).isEqualTo(TokenizerParts.UNUSED);
    assertThat(Tokenizers.of(parts).token(4099)).isNull();
  }

  @Test
  void aFolderWithoutTokenizerHasNoParts() {
    assertThat(TokenizerParts.read(folder, 10)).isNull();
  }

  @Test
  void refusesWhatItCantDescribe() throws IOException {
    Files.writeString(
        folder.resolve("tokenizer.json"),
        "{\"pre_tokenizer\":{\"type\":\"Digits\"},\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},"
            + "\"merges\":[]}}");
    assertThatThrownBy(() -> TokenizerParts.read(folder, 1))
        .hasMessageEndingWith(
            "pre_tokenizer: expected that of one of gpt-2, llama-bpe, qwen2 to convert, got another;"
                + " its GGUF would cut words differently");
    assertThatThrownBy(() -> Tokenizers.of(parts("tekken", List.of(1))))
        .hasMessage(
            "read f.gguf: tokenizer.ggml.pre: expected one of gpt-2, llama-bpe, qwen2, got"
                + " 'tekken'; use `tokens`");
    assertThatThrownBy(() -> parts("gpt-2", List.of()))
        .hasMessage(
            "read f.gguf: tokenizer: expected a type for each of 1 tokens, got 0; convert it again");
  }

  private static TokenizerParts parts(String words, List<Integer> types) {
    return new TokenizerParts("f.gguf", words, List.of("a"), types, List.of(), -1, -1, null, null);
  }
}
