package dev.lamina.chat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * A byte-level byte-pair tokenizer in the parts that GGUF files keep it in: what {@code
 * tokenizer.json} says, less what a name of the cutting of words stands for. Ids are places in
 * {@code tokens}; -1 is none.
 *
 * @param origin where they come from, for messages
 * @param words how text is cut before pairs are merged, a name of {@link WordPattern}
 * @param tokens every token by id, spelled in the byte alphabet
 * @param types kind of every token, one of the constants here
 * @param merges pairs of tokens with a blank between, best first
 * @param bosId token that begins a text
 * @param eosId token that ends one
 * @param addBos whether a text gets the first; null = no
 * @param addEos whether a text gets the last; null = no
 */
public record TokenizerParts(
    String origin,
    String words,
    List<String> tokens,
    List<Integer> types,
    List<String> merges,
    int bosId,
    int eosId,
    @Nullable Boolean addBos,
    @Nullable Boolean addEos) {
  /** A token of text. */
  public static final int NORMAL = 1;

  /** A token that stands for no text. */
  public static final int CONTROL = 3;

  /** A token of text that is found whole before anything else. */
  public static final int USER_DEFINED = 4;

  /** An id that no token has. */
  public static final int UNUSED = 5;

  /** Copies the lists and checks that they fit each other. */
  public TokenizerParts {
    tokens = List.copyOf(tokens);
    types = List.copyOf(types);
    merges = List.copyOf(merges);
    if (types.size() != tokens.size()) {
      throw new TokenizerException(
          "read %s: tokenizer: expected a type for each of %d tokens, got %d; convert it again"
              .formatted(origin, tokens.size(), types.size()));
    }
    if (Math.max(bosId, eosId) >= tokens.size()) {
      throw new TokenizerException(
          "read %s: tokenizer: expected ids below %d for its first and last token, got %d and %d"
              .formatted(origin, tokens.size(), bosId, eosId));
    }
  }

  /**
   * Takes a folder's tokenizer apart.
   *
   * @param folder of the model
   * @param vocabSize rows of the model's embedding: ids beyond the tokens are unused
   * @return its parts, null if the folder has no tokenizer
   * @throws TokenizerException if it is of a kind that these parts can't describe
   */
  public static @Nullable TokenizerParts read(Path folder, int vocabSize) {
    Path file = folder.resolve("tokenizer.json");
    if (!Files.exists(file)) {
      return null;
    }
    TokenizerJson json = TokenizerJson.read(file);
    JsonNode normalizer = json.rest().path("normalizer");
    // GGUF has no word for NFC, which Qwen asks for; its readers take text as it comes.
    boolean known = normalizer.isNull() || normalizer.isMissingNode();
    known |= normalizer.path("type").asString("").equals("NFC");
    if (!json.modelType().equals("BPE") || !known) {
      throw TokenizerJson.invalid(
          file, "expected a byte-level BPE without normalizer to convert; use another model");
    }
    int size = Math.max(vocabSize, json.vocabulary().size());
    for (JsonNode added : json.rest().path("added_tokens")) {
      size = Math.max(size, added.path("id").asInt(0) + 1);
    }
    List<String> tokens = new ArrayList<>();
    List<Integer> types = new ArrayList<>(Collections.nCopies(size, NORMAL));
    for (int id = 0; id < size; id++) {
      String token = json.vocabulary().token(id);
      tokens.add(token == null ? "[PAD" + id + "]" : token);
      if (token == null) {
        types.set(id, UNUSED);
      }
    }
    for (JsonNode added : json.rest().path("added_tokens")) {
      int id = added.path("id").asInt(0);
      tokens.set(id, added.path("content").asString(""));
      types.set(id, added.path("special").asBoolean(false) ? CONTROL : USER_DEFINED);
    }
    TokenizerConfig config = TokenizerConfig.read(folder);
    Vocabulary all = json.vocabulary();
    for (JsonNode added : json.rest().path("added_tokens")) {
      all.put(added.path("content").asString(""), added.path("id").asInt(0));
    }
    SpecialTokens around = SpecialTokens.read(json, config, all);
    if (around.before().length > 1 || around.after().length > 1) {
      throw TokenizerJson.invalid(
          file, "post_processor: expected at most one token before and after a text to convert");
    }
    List<String> merges = new ArrayList<>();
    for (int i = 0; i < json.merges().size(); i += 2) {
      merges.add(json.merges().get(i) + " " + json.merges().get(i + 1));
    }
    return new TokenizerParts(
        file.toString(),
        WordPattern.of(json).text(),
        tokens,
        types,
        merges,
        around.before().length == 1 ? around.before()[0] : id(all, config.bosToken()),
        around.after().length == 1 ? around.after()[0] : id(all, config.eosToken()),
        around.before().length == 1,
        around.after().length == 1);
  }

  private static int id(Vocabulary vocabulary, @Nullable String token) {
    return token == null ? -1 : vocabulary.id(token);
  }

  /**
   * Writes {@code tokenizer.json} and {@code tokenizer_config.json}.
   *
   * @param folder takes them; it exists
   * @throws IOException if one can't be written
   */
  public void write(Path folder) throws IOException {
    TokenizerJson json = toJson();
    ObjectNode root = json.rest();
    ObjectNode model = root.putObject("model");
    model.put("type", "BPE").setAll(json.model());
    ObjectNode vocab = model.putObject("vocab");
    for (int id = 0; id < tokens.size(); id++) {
      if (json.vocabulary().token(id) != null) {
        vocab.put(tokens.get(id), id);
      }
    }
    ArrayNode pairs = model.putArray("merges");
    merges.forEach(pairs::add);
    Files.writeString(folder.resolve("tokenizer.json"), root.toString());
    ObjectNode config = JsonNodeFactory.instance.objectNode();
    if (bosId >= 0) {
      config.put("bos_token", tokens.get(bosId));
    }
    if (eosId >= 0) {
      config.put("eos_token", tokens.get(eosId));
    }
    config.put("add_bos_token", Boolean.TRUE.equals(addBos));
    config.put("add_eos_token", Boolean.TRUE.equals(addEos));
    Files.writeString(folder.resolve("tokenizer_config.json"), config.toString());
  }

  /** The form that the tokenizer is built from. */
  TokenizerJson toJson() {
    Vocabulary vocabulary = new Vocabulary();
    JsonNodeFactory nodes = JsonNodeFactory.instance;
    ObjectNode rest = nodes.objectNode();
    ArrayNode added = rest.putArray("added_tokens");
    for (int id = 0; id < tokens.size(); id++) {
      int type = types.get(id);
      if (type == CONTROL || type == USER_DEFINED) {
        added
            .addObject()
            .put("id", id)
            .put("content", tokens.get(id))
            .put("special", type == CONTROL);
      } else if (type != UNUSED) {
        vocabulary.put(tokens.get(id), id);
      }
    }
    WordPattern pattern = WordPattern.named(words, origin);
    rest.set("pre_tokenizer", pattern.preTokenizer());
    rest.putObject("decoder").put("type", "ByteLevel");
    List<String> halves = new ArrayList<>();
    for (String merge : merges) {
      String[] pair = merge.split(" ", -1);
      if (pair.length != 2) {
        throw new TokenizerException(
            "read %s: tokenizer: expected merges of two tokens, got '%s'; convert it again"
                .formatted(origin, merge));
      }
      halves.addAll(Arrays.asList(pair));
    }
    ObjectNode model = nodes.objectNode();
    model.put("ignore_merges", pattern.ignoresMerges());
    return new TokenizerJson(Path.of(origin), "BPE", vocabulary, halves, model, rest);
  }

  TokenizerConfig toConfig() {
    return new TokenizerConfig(
        bosId < 0 ? null : tokens.get(bosId),
        eosId < 0 ? null : tokens.get(eosId),
        Boolean.TRUE.equals(addBos),
        Boolean.TRUE.equals(addEos));
  }
}
