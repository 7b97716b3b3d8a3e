package dev.lamina;

import dev.lamina.chat.ChatTemplate;
import dev.lamina.chat.ChatTemplates;
import dev.lamina.chat.SentencePieceParts;
import dev.lamina.chat.Tokenizer;
import dev.lamina.chat.TokenizerException;
import dev.lamina.chat.TokenizerParts;
import dev.lamina.chat.Tokenizers;
import dev.lamina.chat.UnsupportedTemplateException;
import dev.lamina.models.Checkpoint;
import dev.lamina.models.checkpoint.GenerationConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.gguf.GgufCheckpoint;
import dev.lamina.models.gguf.GgufMetadata;
import dev.lamina.models.gguf.GgufPairs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Tokenizer and chat template of a model, wherever it keeps them: files of a folder, or GGUF. */
public final class ModelText {
  private static final String MODEL = "tokenizer.ggml.model";
  private static final String WORDS = "tokenizer.ggml.pre";
  private static final String TOKENS = "tokenizer.ggml.tokens";
  private static final String TYPES = "tokenizer.ggml.token_type";
  private static final String MERGES = "tokenizer.ggml.merges";
  private static final String BOS = "tokenizer.ggml.bos_token_id";
  private static final String EOS = "tokenizer.ggml.eos_token_id";
  private static final List<String> FURTHER_ENDS =
      List.of("tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id");
  private static final String ADD_BOS = "tokenizer.ggml.add_bos_token";
  private static final String ADD_EOS = "tokenizer.ggml.add_eos_token";
  private static final String TEMPLATE = "tokenizer.chat_template";
  private static final String SCORES = "tokenizer.ggml.scores";
  private static final String UNKNOWN = "tokenizer.ggml.unknown_token_id";
  private static final String ADD_BLANK = "tokenizer.ggml.add_space_prefix";
  private static final String BYTE_LEVEL = "gpt2";
  private static final String SENTENCE_PIECE = "llama";
  private static final List<String> FILES =
      List.of(
          "tokenizer.json",
          "tokenizer_config.json",
          "chat_template.jinja",
          "generation_config.json");

  private ModelText() {}

  /**
   * The tokenizer of a model, null if it has none.
   *
   * @param model folder or GGUF file, as {@link ModelLocator#find} gives it
   * @throws TokenizerException if there is one that can't be read
   */
  public static @Nullable Tokenizer find(Path model) {
    if (!Checkpoint.isGguf(model)) {
      return Tokenizers.isPresent(model) ? Tokenizers.load(model) : null;
    }
    try (GgufCheckpoint file = GgufCheckpoint.open(model)) {
      return file.metadata().has(MODEL) ? tokenizer(file.metadata()) : null;
    } catch (ModelException e) {
      throw new LaminaException(String.valueOf(e.getMessage()), e);
    }
  }

  /**
   * The tokenizer of a model.
   *
   * @param model folder or GGUF file, as {@link ModelLocator#find} gives it
   * @throws TokenizerException if there is none or it can't be read
   */
  public static Tokenizer load(Path model) {
    if (!Checkpoint.isGguf(model)) {
      return Tokenizers.load(model);
    }
    Tokenizer found = find(model);
    if (found == null) {
      throw new LaminaException(
          "read %s: expected metadata '%s', got no tokenizer; use `tokens`"
              .formatted(model, MODEL));
    }
    return found;
  }

  private static Tokenizer tokenizer(GgufMetadata m) throws ModelException {
    return switch (m.string(MODEL)) {
      case BYTE_LEVEL -> Tokenizers.of(parts(m));
      case SENTENCE_PIECE -> Tokenizers.of(sentencePiece(m));
      default -> throw m.refuse(MODEL, BYTE_LEVEL + " or " + SENTENCE_PIECE);
    };
  }

  private static SentencePieceParts sentencePiece(GgufMetadata m) throws ModelException {
    return new SentencePieceParts(
        m.file(),
        m.strings(TOKENS),
        m.floats(SCORES),
        types(m),
        id(m, BOS, -1),
        id(m, EOS, -1),
        id(m, UNKNOWN, 0),
        !m.has(ADD_BOS) || m.bool(ADD_BOS),
        m.has(ADD_EOS) && m.bool(ADD_EOS),
        !m.has(ADD_BLANK) || m.bool(ADD_BLANK));
  }

  private static List<Integer> types(GgufMetadata m) throws ModelException {
    return IntStream.of(m.integers(TYPES)).boxed().toList();
  }

  private static int id(GgufMetadata m, String key, int absent) throws ModelException {
    return m.has(key) ? m.integer(key, 0) : absent;
  }

  private static TokenizerParts parts(GgufMetadata m) throws ModelException {
    if (!m.string(MODEL).equals(BYTE_LEVEL)) {
      throw m.refuse(MODEL, BYTE_LEVEL + ", the only kind that is converted");
    }
    return new TokenizerParts(
        m.file(),
        m.has(WORDS) ? m.string(WORDS) : "gpt-2",
        m.strings(TOKENS),
        types(m),
        m.strings(MERGES),
        id(m, BOS, -1),
        id(m, EOS, -1),
        m.has(ADD_BOS) ? (Boolean) m.bool(ADD_BOS) : null,
        m.has(ADD_EOS) ? (Boolean) m.bool(ADD_EOS) : null);
  }

  /**
   * The chat template of a model.
   *
   * @param model folder or GGUF file, as {@link ModelLocator#find} gives it
   * @throws UnsupportedTemplateException if there is none or it can't be rendered
   */
  static ChatTemplate template(Path model) {
    if (!Checkpoint.isGguf(model)) {
      return ChatTemplates.forModel(model);
    }
    try (GgufCheckpoint file = GgufCheckpoint.open(model)) {
      return ChatTemplates.of(model.toString(), file.metadata().string(TEMPLATE));
    } catch (ModelException e) {
      throw new UnsupportedTemplateException(String.valueOf(e.getMessage()));
    }
  }

  /**
   * Puts a model's tokenizer and template into metadata.
   *
   * @param model folder or GGUF file, as {@link ModelLocator#find} gives it
   * @param vocabSize rows of its embedding
   * @param generation tells the ids that end an answer
   * @param to takes them
   * @throws TokenizerException if its tokenizer has no form in GGUF files
   */
  public static void putGguf(Path model, int vocabSize, GenerationConfig generation, GgufPairs to) {
    @Nullable TokenizerParts parts;
    @Nullable String template;
    if (Checkpoint.isGguf(model)) {
      try (GgufCheckpoint file = GgufCheckpoint.open(model)) {
        GgufMetadata m = file.metadata();
        parts = m.has(MODEL) ? parts(m) : null;
        template = m.has(TEMPLATE) ? m.string(TEMPLATE) : null;
      } catch (ModelException e) {
        throw new LaminaException(String.valueOf(e.getMessage()), e);
      }
    } else {
      parts = TokenizerParts.read(model, vocabSize);
      template = ChatTemplates.templateText(model);
    }
    if (parts != null) {
      put(parts, to);
    }
    putEnds(parts, generation, to, model);
    if (template != null) {
      to.text(TEMPLATE, template);
    }
  }

  /**
   * Puts a model's tokenizer and template into a folder.
   *
   * @param model folder or GGUF file, as {@link ModelLocator#find} gives it
   * @param to the folder
   * @throws IOException if a file can't be written
   */
  public static void putFolder(Path model, Path to) throws IOException {
    if (!Checkpoint.isGguf(model)) {
      for (String name : FILES) {
        if (Files.exists(model.resolve(name))) {
          Files.copy(model.resolve(name), to.resolve(name), StandardCopyOption.REPLACE_EXISTING);
        }
      }
      return;
    }
    try (GgufCheckpoint file = GgufCheckpoint.open(model)) {
      GgufMetadata m = file.metadata();
      if (m.has(MODEL)) {
        parts(m).write(to);
      }
      if (m.has(TEMPLATE)) {
        Files.writeString(to.resolve("chat_template.jinja"), m.string(TEMPLATE));
      }
    } catch (ModelException e) {
      throw new LaminaException(String.valueOf(e.getMessage()), e);
    }
  }

  private static void put(TokenizerParts parts, GgufPairs to) {
    to.text(MODEL, BYTE_LEVEL).text(WORDS, parts.words());
    to.texts(TOKENS, parts.tokens());
    to.integers(TYPES, parts.types().stream().mapToInt(Integer::intValue).toArray());
    to.texts(MERGES, parts.merges());
    if (parts.bosId() >= 0) {
      to.u32(BOS, parts.bosId());
    }
    to.bool(ADD_BOS, Boolean.TRUE.equals(parts.addBos()));
    to.bool(ADD_EOS, Boolean.TRUE.equals(parts.addEos()));
  }

  /** The tokenizer's own first: it is what the format calls the end. */
  private static void putEnds(
      @Nullable TokenizerParts parts, GenerationConfig generation, GgufPairs to, Path model) {
    int own = parts == null ? -1 : parts.eosId();
    List<Integer> others = generation.eosTokenIds().stream().filter(id -> id != own).toList();
    if (own >= 0) {
      to.u32(EOS, own);
    } else if (!others.isEmpty()) {
      to.u32(EOS, others.getFirst());
      others = others.subList(1, others.size());
    }
    if (others.size() > FURTHER_ENDS.size()) {
      throw new LaminaException(
          "convert %s: eos_token_id: expected at most %d ids beside the tokenizer's, got %s"
              .formatted(model, FURTHER_ENDS.size(), others));
    }
    for (int i = 0; i < others.size(); i++) {
      to.u32(FURTHER_ENDS.get(i), others.get(i));
    }
  }
}
