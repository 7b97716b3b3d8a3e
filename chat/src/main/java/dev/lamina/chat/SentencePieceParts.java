package dev.lamina.chat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * A SentencePiece byte-pair tokenizer in the parts that GGUF files keep it in. Pairs have no list:
 * of two neighbours that make a token, those merge first whose token has the highest score.
 *
 * @param origin where they come from, for messages
 * @param tokens every token by id, blanks as U+2581, bytes as {@code <0x0A>}
 * @param scores of every token
 * @param types kind of every token, by the constants of {@link TokenizerParts} and 2 = unknown
 * @param bosId token that begins a text, -1 = none
 * @param eosId token that ends one, -1 = none
 * @param unknownId token of what no other token says
 * @param addBos whether a text gets the first
 * @param addEos whether a text gets the last
 * @param addBlank whether a blank is put before a text
 */
public record SentencePieceParts(
    String origin,
    List<String> tokens,
    float[] scores,
    List<Integer> types,
    int bosId,
    int eosId,
    int unknownId,
    boolean addBos,
    boolean addEos,
    boolean addBlank) {
  private static final String BLANK = "\u2581";

  /** Copies the lists, not the scores, and checks that all fit each other. */
  public SentencePieceParts {
    tokens = List.copyOf(tokens);
    types = List.copyOf(types);
    if (types.size() != tokens.size() || scores.length != tokens.size()) {
      throw new TokenizerException(
          "read %s: tokenizer: expected a type and a score for each of %d tokens, got %d and %d"
              .formatted(origin, tokens.size(), types.size(), scores.length));
    }
    if (Math.max(unknownId, Math.max(bosId, eosId)) >= tokens.size() || unknownId < 0) {
      throw new TokenizerException(
          "read %s: tokenizer: expected ids below %d for its special tokens, got %d, %d and %d"
              .formatted(origin, tokens.size(), bosId, eosId, unknownId));
    }
  }

  private record Merge(int left, int right, float score) {}

  /** The form that the tokenizer is built from. */
  TokenizerJson toJson() {
    Vocabulary vocabulary = new Vocabulary();
    for (int id = 0; id < tokens.size(); id++) {
      if (types.get(id) != TokenizerParts.UNUSED) {
        vocabulary.put(tokens.get(id), id);
      }
    }
    ObjectNode rest = JsonNodeFactory.instance.objectNode();
    addedTokens(rest.putArray("added_tokens"));
    ArrayNode normalizers =
        rest.putObject("normalizer").put("type", "Sequence").putArray("normalizers");
    ArrayNode decoders = rest.putObject("decoder").put("type", "Sequence").putArray("decoders");
    if (addBlank) {
      normalizers.addObject().put("type", "Prepend").put("prepend", BLANK);
    }
    replace(normalizers.addObject(), " ", BLANK);
    replace(decoders.addObject(), BLANK, " ");
    decoders.addObject().put("type", "ByteFallback");
    decoders.addObject().put("type", "Fuse");
    if (addBlank) {
      decoders.addObject().put("type", "Strip").put("content", " ").put("start", 1).put("stop", 0);
    }
    ObjectNode model = JsonNodeFactory.instance.objectNode();
    model.put("byte_fallback", true).put("fuse_unk", true);
    model.put("unk_token", tokens.get(unknownId));
    return new TokenizerJson(Path.of(origin), "BPE", vocabulary, merges(vocabulary), model, rest);
  }

  private void addedTokens(ArrayNode added) {
    for (int id = 0; id < tokens.size(); id++) {
      int type = types.get(id);
      boolean user = type == TokenizerParts.USER_DEFINED;
      if (user || type == TokenizerParts.CONTROL || id == unknownId) {
        added.addObject().put("id", id).put("content", tokens.get(id)).put("special", !user);
      }
    }
  }

  private static void replace(ObjectNode node, String from, String to) {
    node.put("type", "Replace").put("content", to);
    node.putObject("pattern").put("String", from);
  }

  private List<String> merges(Vocabulary vocabulary) {
    List<Merge> merges = new ArrayList<>();
    for (int id = 0; id < tokens.size(); id++) {
      if (types.get(id) != TokenizerParts.NORMAL) {
        continue;
      }
      String token = tokens.get(id);
      for (int cut = 1; cut < token.length(); cut++) {
        if (Character.isLowSurrogate(token.charAt(cut))) {
          continue;
        }
        int left = vocabulary.id(token.substring(0, cut));
        int right = vocabulary.id(token.substring(cut));
        if (left >= 0 && right >= 0) {
          merges.add(new Merge(left, right, scores[id]));
        }
      }
    }
    merges.sort(Comparator.comparingDouble((Merge m) -> -m.score));
    List<String> halves = new ArrayList<>(merges.size() * 2);
    for (Merge m : merges) {
      halves.add(tokens.get(m.left));
      halves.add(tokens.get(m.right));
    }
    return halves;
  }

  TokenizerConfig toConfig() {
    return new TokenizerConfig(
        bosId < 0 ? null : tokens.get(bosId), eosId < 0 ? null : tokens.get(eosId), addBos, addEos);
  }
}
