package dev.lamina.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Encodes with a vocabulary small enough to merge by hand. */
class SentencePiecePartsTest {
  private static final int BYTES = 3;
  private static final int FIRST = 259;
  // Scores fall in this order. Ids from FIRST on.
  private static final List<String> PIECES =
      List.of("ll", "he", "\u2581he", "lo", "llo", "\u2581hello", "\u2581", "h", "e", "l", "o");

  private static Tokenizer tokenizer(boolean addBlank) {
    List<String> tokens = new ArrayList<>(List.of("<unk>", "<s>", "</s>"));
    List<Integer> types = new ArrayList<>(List.of(2, 3, 3));
    for (int b = 0; b < 256; b++) {
      tokens.add("<0x%02X>".formatted(b));
      types.add(6);
    }
    float[] scores = new float[FIRST + PIECES.size()];
    for (String piece : PIECES) {
      scores[tokens.size()] = FIRST - tokens.size();
      tokens.add(piece);
      types.add(TokenizerParts.NORMAL);
    }
    return Tokenizers.of(
        new SentencePieceParts("f.gguf", tokens, scores, types, 1, 2, 0, true, false, addBlank));
  }

  private static int id(String piece) {
    return FIRST + PIECES.indexOf(piece);
  }

  @Test
  void mergesByScore() {
    Tokenizer t = tokenizer(true);
    // ll first, then he, then a blank and he, then ll and o, then all.
    assertThat(t.encode("hello", true)).containsExactly(1, id("\u2581hello"));
    // In helo no ll can merge: he, blank and he, lo.
    assertThat(t.encode("helo", false)).containsExactly(id("\u2581he"), id("lo"));
    assertThat(tokenizer(false).encode("hello", false)).containsExactly(id("he"), id("llo"));
  }

  @Test
  void spellsWhatItHasNoTokenForInBytes() {
    Tokenizer t = tokenizer(true);
    int[] ids = t.encode("\u00e9 o", false);
    assertThat(ids)
        .containsExactly(id("\u2581"), BYTES + 0xC3, BYTES + 0xA9, id("\u2581"), id("o"));
    assertThat(t.decode(ids, true)).isEqualTo("\u00e9 o");
    assertThat(t.decode(t.encode("hello hello", true), true)).isEqualTo("hello hello");
  }

  @Test
  void refusesPartsThatDoNotFit() {
    assertThatThrownBy(() ->
            new SentencePieceParts(
                "f.gguf", List.of("a"), new float[2], List.of(1), -1, -1, 0, true, false, true))
        .hasMessage(
            "read f.gguf: tokenizer: expected a type and a score for each of 1 tokens, got 1 and 2");
  }
}
