package dev.lamina.chat;

import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * A byte-pair tokenizer in Java, both the byte-level kind (GPT-2 and after) and SentencePiece's
 * kind with byte tokens. It has no native library to load, so a short run starts sooner; the Rust
 * library is its oracle.
 */
final class BpeTokenizer implements Tokenizer {
  private final Vocabulary vocabulary;
  private final AddedTokens addedTokens;
  private final Normalizer normalizer;
  private final PreTokenizer preTokenizer;
  private final BpeModel model;
  private final SpecialTokens specialTokens;
  private final Decoder decoder;
  private final OptionalInt bosId;
  private final OptionalInt eosId;

  private BpeTokenizer(TokenizerJson json, TokenizerConfig config) {
    normalizer = Normalizer.read(json.rest().path("normalizer"));
    preTokenizer = PreTokenizer.read(json.rest().path("pre_tokenizer"));
    decoder = Decoder.read(json.rest().path("decoder"));
    model = new BpeModel(json);
    addedTokens = AddedTokens.read(json, normalizer);
    vocabulary = json.vocabulary();
    for (AddedTokens.AddedToken token : addedTokens.tokens()) {
      vocabulary.put(token.content(), token.id());
    }
    specialTokens = SpecialTokens.read(json, config, vocabulary);
    bosId = configured(config.bosToken());
    eosId = configured(config.eosToken());
  }

  /**
   * Builds the tokenizer.
   *
   * @throws UnsupportedPartException where the file has a part that is not read here
   */
  static BpeTokenizer create(TokenizerJson json, TokenizerConfig config) {
    if (!json.modelType().equals("BPE")) {
      throw new UnsupportedPartException("model " + json.modelType());
    }
    return new BpeTokenizer(json, config);
  }

  @Override
  public int[] encode(String text, boolean addSpecialTokens) {
    IdList ids = new IdList(text.length() / 3);
    if (addSpecialTokens) {
      ids.addAll(specialTokens.before());
    }
    addedTokens.splitGiven(CodePoints.replaceLoneSurrogates(text), new GivenText(ids));
    if (addSpecialTokens) {
      ids.addAll(specialTokens.after());
    }
    return ids.toArray();
  }

  @Override
  public Detokenizer detokenizer(boolean skipSpecialTokens) {
    return new Detokenizer() {
      private Decoder.Stream stream = decoder.start();

      @Override
      public String append(int id) {
        String token = vocabulary.token(id);
        return token == null || skipSpecialTokens && isSpecial(id) ? "" : stream.append(token);
      }

      @Override
      public String flush() {
        String kept = stream.flush();
        stream = decoder.start();
        return kept;
      }
    };
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
  public void close() {}

  private OptionalInt configured(@Nullable String token) {
    return token == null ? OptionalInt.empty() : id(token);
  }

  /** Text as given, between added tokens: normalized, then cut at the added tokens of that form. */
  private final class GivenText implements AddedTokens.Parts {
    private final IdList ids;

    GivenText(IdList ids) {
      this.ids = ids;
    }

    @Override
    public void text(String text, int start) {
      addedTokens.splitNormalized(normalizer.normalize(text), new NormalizedText(ids, start == 0));
    }

    @Override
    public void token(int id) {
      ids.add(id);
    }
  }

  /** Normalized text between added tokens: cut to pre-tokens, each encoded by itself. */
  private final class NormalizedText implements AddedTokens.Parts {
    private final IdList ids;
    private final boolean atStart;

    NormalizedText(IdList ids, boolean atStart) {
      this.ids = ids;
      this.atStart = atStart;
    }

    @Override
    public void text(String text, int start) {
      preTokenizer.apply(text, atStart && start == 0, (piece, first) -> model.encode(piece, ids));
    }

    @Override
    public void token(int id) {
      ids.add(id);
    }
  }
}
