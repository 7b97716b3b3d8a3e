package dev.lamina.chat;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * The cuttings of text into words that GGUF files know by name. The expressions are those of the
 * models' own {@code tokenizer.json}.
 */
enum WordPattern {
  /** Byte-level BPE as GPT-2 does it, by the expression that goes with it. */
  GPT_2("", false),
  /** Llama 3: numbers in threes; a whole word of the vocabulary needs no merges. */
  LLAMA_BPE(cutting("\\p{N}{1,3}"), true),
  /** Qwen 2 and 3: every digit by itself. */
  QWEN2(cutting("\\p{N}"), false);

  private final String regex;
  private final boolean ignoresMerges;

  WordPattern(String regex, boolean ignoresMerges) {
    this.regex = regex;
    this.ignoresMerges = ignoresMerges;
  }

  private static String cutting(String number) {
    return "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|"
        + number
        + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
  }

  /** Its name in files. */
  String text() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** Whether a word that is a token is taken whole. */
  boolean ignoresMerges() {
    return ignoresMerges;
  }

  static WordPattern named(String name, String origin) {
    for (WordPattern p : values()) {
      if (p.text().equals(name)) {
        return p;
      }
    }
    throw new TokenizerException(
        "read %s: tokenizer.ggml.pre: expected one of %s, got '%s'; use `tokens`"
            .formatted(origin, names(), name));
  }

  /** The one that a file's {@code pre_tokenizer} amounts to. */
  static WordPattern of(TokenizerJson json) {
    JsonNode given = json.rest().path("pre_tokenizer");
    boolean whole = json.model().path("ignore_merges").asBoolean(false);
    for (WordPattern p : values()) {
      if (p.ignoresMerges == whole
          && PreTokenizer.read(p.preTokenizer())
              .toString()
              .equals(PreTokenizer.read(given).toString())) {
        return p;
      }
    }
    throw TokenizerJson.invalid(
        json.file(),
        "pre_tokenizer: expected that of one of "
            + names()
            + " to convert, got another; its GGUF would cut words differently");
  }

  private static String names() {
    return Arrays.stream(values()).map(WordPattern::text).collect(Collectors.joining(", "));
  }

  /** The node of a {@code tokenizer.json}. */
  ObjectNode preTokenizer() {
    ObjectNode bytes = JsonNodeFactory.instance.objectNode();
    bytes.put("type", "ByteLevel").put("add_prefix_space", false).put("use_regex", regex.isEmpty());
    if (regex.isEmpty()) {
      return bytes;
    }
    ObjectNode sequence = JsonNodeFactory.instance.objectNode();
    ArrayNode parts = sequence.put("type", "Sequence").putArray("pretokenizers");
    ObjectNode split = parts.addObject();
    split.put("type", "Split").put("behavior", "Isolated").put("invert", false);
    split.putObject("pattern").put("Regex", regex);
    parts.add(bytes);
    return sequence;
  }
}
