package dev.lamina.chat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Makes {@code tokenizer.json} files of the forms that released models use, with micro-chat's
 * vocabulary and merges inside.
 */
final class TokenizerForms {
  private static final ObjectMapper JSON = new ObjectMapper();
  static final String LLAMA3 =
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}"
          + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
  static final String O200K =
      "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+"
          + "(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+"
          + "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}"
          + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
  static final String DEEPSEEK =
      "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
          + "| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
  static final String HAN =
      "[\\p{Han}]+|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}&&[^\\p{Han}]]+|\\p{N}{1,3}|\\s+(?!\\S)|\\s+|[^\\s]";

  private TokenizerForms() {}

  /** micro-chat's file with one top-level field after the other replaced: name, JSON, name, ... */
  static Path byteLevel(Path folder, String... fields) {
    ObjectNode json = microChat();
    for (int i = 0; i < fields.length; i += 2) {
      if (fields[i].startsWith("model.")) {
        ((ObjectNode) json.path("model")).set(fields[i].substring(6), JSON.readTree(fields[i + 1]));
      } else {
        json.set(fields[i], JSON.readTree(fields[i + 1]));
      }
    }
    return write(folder, json);
  }

  /** A pre-tokenizer of splits followed by the byte alphabet. */
  static String splits(String... patterns) {
    ArrayNode parts = JSON.createArrayNode();
    for (String pattern : patterns) {
      ObjectNode split = parts.addObject();
      split.put("type", "Split").put("behavior", "Isolated").put("invert", false);
      split.putObject("pattern").put("Regex", pattern);
    }
    parts
        .addObject()
        .put("type", "ByteLevel")
        .put("add_prefix_space", false)
        .put("trim_offsets", true)
        .put("use_regex", false);
    ObjectNode sequence = JSON.createObjectNode().put("type", "Sequence");
    sequence.set("pretokenizers", parts);
    return sequence.toString();
  }

  /**
   * A SentencePiece-like file: byte tokens, single characters, and those of micro-chat's merges
   * that are ASCII, with the mark for a space.
   */
  static Path sentencePiece(Path folder, String normalizer, String preTokenizer, String decoder) {
    ObjectNode json = microChat();
    ObjectNode vocab = JSON.createObjectNode();
    vocab.put("<unk>", 0).put("<s>", 1).put("</s>", 2);
    for (int b = 0; b < 256; b++) {
      vocab.put(String.format("<0x%02X>", b), vocab.size());
    }
    for (char c = '!'; c <= '~'; c++) {
      vocab.put(Character.toString(c), vocab.size());
    }
    for (String character :
        new String[] {"\u2581", "\u00E9", "\u4F60", "\u597D", "\u0430", "\uD83D\uDE00"}) {
      vocab.put(character, vocab.size());
    }
    ArrayNode merges = JSON.createArrayNode();
    for (JsonNode merge : json.path("model").path("merges")) {
      String left = marked(merge.path(0).asString());
      String right = marked(merge.path(1).asString());
      if (vocab.has(left) && vocab.has(right)) {
        merges.add(left + " " + right);
        if (!vocab.has(left + right)) {
          vocab.put(left + right, vocab.size());
        }
      }
    }
    ObjectNode model = (ObjectNode) json.path("model");
    model.put("unk_token", "<unk>").put("fuse_unk", true).put("byte_fallback", true);
    model.set("vocab", vocab);
    model.set("merges", merges);
    json.set("added_tokens", JSON.readTree(SENTENCE_PIECE_ADDED));
    json.set("normalizer", JSON.readTree(normalizer));
    json.set("pre_tokenizer", JSON.readTree(preTokenizer));
    json.set("decoder", JSON.readTree(decoder));
    json.set("post_processor", JSON.readTree(TEMPLATE_WITH_BOS));
    return write(folder, json);
  }

  static final String TEMPLATE_WITH_BOS =
      """
      {"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},
       {"Sequence":{"id":"A","type_id":0}}],"pair":[{"Sequence":{"id":"A","type_id":0}},
       {"Sequence":{"id":"B","type_id":1}}],
       "special_tokens":{"<s>":{"id":"<s>","ids":[1],"tokens":["<s>"]}}}\
      """;

  private static final String SENTENCE_PIECE_ADDED =
      """
      [{"id":0,"content":"<unk>","single_word":false,"lstrip":false,"rstrip":false,
        "normalized":false,"special":true},
       {"id":1,"content":"<s>","single_word":false,"lstrip":false,"rstrip":false,
        "normalized":false,"special":true},
       {"id":2,"content":"</s>","single_word":false,"lstrip":false,"rstrip":false,
        "normalized":false,"special":true}]\
      """;

  private static String marked(String token) {
    return token.replace('\u0120', '\u2581');
  }

  static ObjectNode microChat() {
    return (ObjectNode) JSON.readTree(Fixtures.MICRO_CHAT.resolve("tokenizer.json"));
  }

  static Path write(Path folder, JsonNode json) {
    try {
      Files.createDirectories(folder);
      return Files.writeString(folder.resolve("tokenizer.json"), json.toString());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
