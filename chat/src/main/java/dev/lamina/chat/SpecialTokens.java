package dev.lamina.chat;

import java.util.Arrays;
import tools.jackson.databind.JsonNode;

/**
 * What goes around an encoded text: the {@code post_processor} of {@code tokenizer.json}, over
 * which an explicit {@code add_bos_token} or {@code add_eos_token} of {@code tokenizer_config.json}
 * has the last word.
 *
 * @param before ids before the text; owned by this record
 * @param after ids after the text; owned by this record
 */
record SpecialTokens(int[] before, int[] after) {

  static SpecialTokens read(TokenizerJson json, TokenizerConfig config, Vocabulary vocabulary) {
    IdList before = new IdList(4);
    IdList after = new IdList(4);
    JsonNode node = json.rest().path("post_processor");
    if (!node.isNull() && !node.isMissingNode()) {
      collect(node, json, before, after);
    }
    int[] first = before.toArray();
    int[] last = after.toArray();
    int bos = config.bosToken() == null ? -1 : vocabulary.id(config.bosToken());
    int eos = config.eosToken() == null ? -1 : vocabulary.id(config.eosToken());
    if (config.addBosToken() != null && bos >= 0) {
      int had = first.length > 0 && first[0] == bos ? 1 : 0;
      int[] others = Arrays.copyOfRange(first, had, first.length);
      first = config.addBosToken() ? joined(new int[] {bos}, others) : others;
    }
    if (config.addEosToken() != null && eos >= 0) {
      int had = last.length > 0 && last[last.length - 1] == eos ? 1 : 0;
      int[] others = Arrays.copyOf(last, last.length - had);
      last = config.addEosToken() ? joined(others, new int[] {eos}) : others;
    }
    return new SpecialTokens(first, last);
  }

  /** A sequence of processors wraps from the inside out. */
  private static void collect(JsonNode node, TokenizerJson json, IdList before, IdList after) {
    String type = node.path("type").asString("");
    switch (type) {
      case "ByteLevel" -> {}
      case "TemplateProcessing" -> template(node, json, before, after);
      case "Sequence" -> {
        for (JsonNode part : node.path("processors")) {
          collect(part, json, before, after);
        }
      }
      default -> throw new UnsupportedPartException("post_processor " + type);
    }
  }

  private static void template(JsonNode node, TokenizerJson json, IdList before, IdList after) {
    IdList inner = new IdList(4);
    inner.addAll(before.toArray());
    before.clear();
    boolean seenText = false;
    for (JsonNode piece : node.path("single")) {
      if (piece.has("Sequence")) {
        seenText = true;
        before.addAll(inner.toArray());
        continue;
      }
      String name = piece.path("SpecialToken").path("id").asString("");
      JsonNode ids = node.path("special_tokens").path(name).path("ids");
      if (!ids.isArray()) {
        throw TokenizerJson.invalid(
            json.file(),
            "post_processor: expected special_tokens to have " + name + ", it has not");
      }
      for (JsonNode id : ids) {
        (seenText ? after : before).add(id.asInt());
      }
    }
  }

  private static int[] joined(int[] a, int[] b) {
    int[] both = Arrays.copyOf(a, a.length + b.length);
    System.arraycopy(b, 0, both, a.length, b.length);
    return both;
  }
}
