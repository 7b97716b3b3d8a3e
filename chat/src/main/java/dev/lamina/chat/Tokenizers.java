package dev.lamina.chat;

import java.nio.file.Files;
import java.nio.file.Path;

/** Opens the tokenizer of a model's folder. */
public final class Tokenizers {
  private Tokenizers() {}

  /** Whether the folder has a tokenizer; a model without one takes and gives token ids only. */
  public static boolean isPresent(Path folder) {
    return Files.exists(folder.resolve("tokenizer.json"));
  }

  /**
   * Reads {@code tokenizer.json} and {@code tokenizer_config.json}. Byte-pair encodings are read in
   * Java; what that does not know goes to the Hugging Face library in Rust, with a line in the log.
   *
   * @throws TokenizerException when the files are missing, unreadable or of a form neither knows
   */
  public static Tokenizer load(Path folder) {
    Path file = folder.resolve("tokenizer.json");
    if (!Files.exists(file)) {
      throw new TokenizerException(
          "load tokenizer: expected "
              + file
              + ", there is none; use `tokens`, or put the model's tokenizer.json there");
    }
    TokenizerJson json = TokenizerJson.read(file);
    TokenizerConfig config = TokenizerConfig.read(folder);
    try {
      return BpeTokenizer.create(json, config);
    } catch (UnsupportedPartException e) {
      log()
          .log(
              System.Logger.Level.INFO,
              "tokenizer {0}: the Rust library reads it, the Java one has no {1}",
              file,
              e.part());
      return rust(json, config, e.part());
    }
  }

  /**
   * Builds a tokenizer of its parts.
   *
   * @param parts as a GGUF file has them
   * @throws TokenizerException when they do not fit each other or are of a form that is not known
   */
  public static Tokenizer of(TokenizerParts parts) {
    return of(parts.origin(), parts.toJson(), parts.toConfig());
  }

  /**
   * Builds a SentencePiece tokenizer of its parts.
   *
   * @param parts as a GGUF file has them
   * @throws TokenizerException when they do not fit each other
   */
  public static Tokenizer of(SentencePieceParts parts) {
    return of(parts.origin(), parts.toJson(), parts.toConfig());
  }

  private static Tokenizer of(String origin, TokenizerJson json, TokenizerConfig config) {
    try {
      return BpeTokenizer.create(json, config);
    } catch (UnsupportedPartException e) {
      throw new TokenizerException("read " + origin + ": tokenizer: no " + e.part(), e);
    }
  }

  private static Tokenizer rust(TokenizerJson json, TokenizerConfig config, String part) {
    try {
      return DjlTokenizer.create(json, config);
    } catch (LinkageError e) {
      throw new TokenizerException(
          "load tokenizer "
              + json.file()
              + ": "
              + part
              + " needs the library ai.djl.huggingface:tokenizers, which is not here; use the full"
              + " bundle or `tokens`",
          e);
    }
  }

  // Made when there is something to say: the first logger of a process costs its start 35 ms.
  private static System.Logger log() {
    return System.getLogger(Tokenizers.class.getName());
  }
}
