package dev.lamina.chat;

import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * Text to token ids and back, as one model's {@code tokenizer.json} says. Implementations are safe
 * for use by many threads at once; a {@link Detokenizer} belongs to one stream.
 */
public interface Tokenizer extends AutoCloseable {

  /**
   * Encodes text. Added tokens inside the text ({@code <|im_end|>}) become their ids. A lone
   * surrogate is read as U+FFFD, as no UTF-8 text can hold one.
   *
   * @param text any text, may be empty
   * @param addSpecialTokens whether to put what the post-processor adds around a text, such as the
   *     beginning-of-sequence token; false for text that a chat template rendered
   * @return token ids, owned by the caller
   */
  int[] encode(String text, boolean addSpecialTokens);

  /**
   * Decodes ids to text; equals what a fresh {@link Detokenizer} gives for the same ids. Ids
   * outside the vocabulary are left out; bytes that form no UTF-8 become U+FFFD.
   *
   * @param ids token ids
   * @param skipSpecialTokens whether to leave special tokens out of the text
   */
  default String decode(int[] ids, boolean skipSpecialTokens) {
    Detokenizer stream = detokenizer(skipSpecialTokens);
    StringBuilder text = new StringBuilder();
    for (int id : ids) {
      text.append(stream.append(id));
    }
    return text.append(stream.flush()).toString();
  }

  /** Starts the incremental decoding of one stream of ids. */
  Detokenizer detokenizer(boolean skipSpecialTokens);

  /** The token of an id as the vocabulary spells it, or null when there is none. */
  @Nullable String token(int id);

  /** The id of a token as the vocabulary spells it, empty when there is none. */
  OptionalInt id(String token);

  /** One more than the largest id. */
  int vocabSize();

  /** Whether an id is a special token, one that decoding can leave out. */
  boolean isSpecial(int id);

  /** The beginning-of-sequence token that {@code tokenizer_config.json} names. */
  OptionalInt bosId();

  /** The end-of-sequence token that {@code tokenizer_config.json} names. */
  OptionalInt eosId();

  /** Frees native memory, where there is some. */
  @Override
  void close();
}
