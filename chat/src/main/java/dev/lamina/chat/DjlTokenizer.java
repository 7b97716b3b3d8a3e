package dev.lamina.chat;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.IOException;
import java.util.Arrays;
import java.util.Map;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * The Hugging Face tokenizers library (Rust, through DJL) for what {@link BpeTokenizer} does not
 * read: Unigram and WordPiece models and rarer parts. First use unpacks and loads a native library.
 */
final class DjlTokenizer implements Tokenizer {
  private final HuggingFaceTokenizer library;
  private final Vocabulary vocabulary;
  private final AddedTokens addedTokens;
  private final OptionalInt bosId;
  private final OptionalInt eosId;
  private final @Nullable Boolean addBos;

  private DjlTokenizer(HuggingFaceTokenizer library, TokenizerJson json, TokenizerConfig config) {
    this.library = library;
    vocabulary = json.vocabulary();
    addedTokens = AddedTokens.read(json, Normalizer.NONE);
    for (AddedTokens.AddedToken token : addedTokens.tokens()) {
      vocabulary.put(token.content(), token.id());
    }
    bosId = config.bosToken() == null ? OptionalInt.empty() : id(config.bosToken());
    eosId = config.eosToken() == null ? OptionalInt.empty() : id(config.eosToken());
    addBos = config.addBosToken();
  }

  /**
   * Opens the file with the library.
   *
   * @throws LinkageError where the library or its native part is not there
   */
  static DjlTokenizer create(TokenizerJson json, TokenizerConfig config) {
    // Before the library's first class loads: no download, no usage report, no CUDA build.
    System.setProperty("ai.djl.offline", "true");
    System.setProperty("OPT_OUT_TRACKING", "true");
    System.setProperty("RUST_FLAVOR", "cpu");
    try {
      return new DjlTokenizer(
          HuggingFaceTokenizer.newInstance(
              json.file(), Map.of("truncation", "false", "padding", "false")),
          json,
          config);
    } catch (IOException | RuntimeException e) {
      String reason = String.valueOf(e.getMessage()).replaceAll("\\s*\\R\\s*", " ");
      throw new TokenizerException(
          "load tokenizer " + json.file() + ": the Rust library refused it (" + reason + ")", e);
    }
  }

  @Override
  public int[] encode(String text, boolean addSpecialTokens) {
    String sound = CodePoints.replaceLoneSurrogates(text);
    long[] wide = library.encode(sound, addSpecialTokens, false).getIds();
    int[] ids = new int[wide.length];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = (int) wide[i];
    }
    if (!addSpecialTokens || addBos == null || bosId.isEmpty()) {
      return ids;
    }
    int bos = bosId.getAsInt();
    int had = ids.length > 0 && ids[0] == bos ? 1 : 0;
    IdList adjusted = new IdList(ids.length + 1);
    if (addBos) {
      adjusted.add(bos);
    }
    adjusted.addAll(Arrays.copyOfRange(ids, had, ids.length));
    return adjusted.toArray();
  }

  @Override
  public String decode(int[] ids, boolean skipSpecialTokens) {
    long[] wide = new long[ids.length];
    for (int i = 0; i < ids.length; i++) {
      wide[i] = ids[i];
    }
    return library.decode(wide, skipSpecialTokens);
  }

  @Override
  public Detokenizer detokenizer(boolean skipSpecialTokens) {
    return new WindowDetokenizer(ids -> decode(ids, skipSpecialTokens));
  }

  @Override
  public @Nullable String token(int id) {
    return vocabulary.token(id);
  }

  @Override
  public OptionalInt id(String token) {
    int id = vocabulary.id(token);
    return id < 0 ? OptionalInt.empty() : OptionalInt.of(id);
  }

  @Override
  public int vocabSize() {
    return vocabulary.size();
  }

  @Override
  public boolean isSpecial(int id) {
    return addedTokens.isSpecial(id);
  }

  @Override
  public OptionalInt bosId() {
    return bosId;
  }

  @Override
  public OptionalInt eosId() {
    return eosId;
  }

  @Override
  public void close() {
    library.close();
  }
}
