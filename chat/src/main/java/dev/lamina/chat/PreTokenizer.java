package dev.lamina.chat;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;

/**
 * The {@code pre_tokenizer} of a {@code tokenizer.json}: cuts normalized text into the pieces that
 * byte-pair encoding never merges across.
 */
sealed interface PreTokenizer {

  /** Takes the pieces in order; none is empty. */
  interface Sink {
    /**
     * @param atStart whether the piece begins where the whole text does
     */
    void piece(String text, boolean atStart);
  }

  void apply(String text, boolean atStart, Sink sink);

  /** Reads the node; null and absent give one that leaves the text whole. */
  static PreTokenizer read(JsonNode node) {
    if (node.isNull() || node.isMissingNode()) {
      return new Sequence(List.of());
    }
    String type = node.path("type").asString("");
    return switch (type) {
      case "Split" ->
          new Split(
              pattern(node.path("pattern")),
              Behavior.read(node.path("behavior").asString("")),
              node.path("invert").asBoolean(false));
      case "ByteLevel" ->
          new ByteLevel(
              node.path("add_prefix_space").asBoolean(true),
              node.path("use_regex").asBoolean(true));
      case "Metaspace" -> Metaspace.read(node);
      case "Digits" ->
          new Split(
              Pattern.compile("\\p{N}"),
              node.path("individual_digits").asBoolean(false)
                  ? Behavior.ISOLATED
                  : Behavior.CONTIGUOUS,
              false);
      case "Punctuation" ->
          new Split(
              Pattern.compile("[\\p{P}$+<=>^`|~]"),
              Behavior.read(node.path("behavior").asString("Isolated")),
              false);
      case "WhitespaceSplit" ->
          new Split(
              Pattern.compile("\\s", Pattern.UNICODE_CHARACTER_CLASS), Behavior.REMOVED, false);
      case "Whitespace" ->
          new Split(
              Pattern.compile("\\w+|[^\\w\\s]+", Pattern.UNICODE_CHARACTER_CLASS),
              Behavior.REMOVED,
              true);
      case "Sequence" -> {
        List<PreTokenizer> parts = new ArrayList<>();
        for (JsonNode part : node.path("pretokenizers")) {
          parts.add(read(part));
        }
        yield new Sequence(List.copyOf(parts));
      }
      default -> throw new UnsupportedPartException("pre_tokenizer " + type);
    };
  }

  /** A pattern is {@code {"Regex": ..}} or {@code {"String": ..}}. */
  static Pattern pattern(JsonNode node) {
    if (node.path("Regex").isString()) {
      return OnigPattern.compile(node.path("Regex").stringValue());
    }
    if (node.path("String").isString()) {
      return Pattern.compile(node.path("String").stringValue(), Pattern.LITERAL);
    }
    throw new UnsupportedPartException("pattern " + node);
  }

  /** Cuts at the matches of a pattern. */
  record Split(Pattern pattern, Behavior behavior, boolean invert) implements PreTokenizer {
    @Override
    public void apply(String text, boolean atStart, Sink sink) {
      if (!text.isEmpty()) {
        behavior.cut(text, pattern.matcher(text), invert, atStart, sink);
      }
    }
  }

  /** Splits as GPT-2 does where asked to, and spells each piece in the byte alphabet. */
  record ByteLevel(boolean addPrefixSpace, boolean useRegex) implements PreTokenizer {
    private static final Pattern GPT2 =
        OnigPattern.compile(
            "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+");

    @Override
    public void apply(String text, boolean atStart, Sink sink) {
      if (text.isEmpty()) {
        return;
      }
      String spaced = addPrefixSpace && text.charAt(0) != ' ' ? " " + text : text;
      if (useRegex) {
        Sink spelled = (piece, first) -> sink.piece(ByteAlphabet.encode(piece), first);
        Behavior.ISOLATED.cut(spaced, GPT2.matcher(spaced), false, atStart, spelled);
      } else {
        sink.piece(ByteAlphabet.encode(spaced), atStart);
      }
    }
  }

  /** SentencePiece's way: spaces become a visible mark, one may be put before the text. */
  record Metaspace(String mark, String prependScheme, boolean split) implements PreTokenizer {

    static Metaspace read(JsonNode node) {
      String older = node.path("add_prefix_space").asBoolean(true) ? "always" : "never";
      return new Metaspace(
          node.path("replacement").asString("\u2581"),
          node.path("prepend_scheme").asString(older),
          node.path("split").asBoolean(true));
    }

    @Override
    public void apply(String text, boolean atStart, Sink sink) {
      if (text.isEmpty()) {
        return;
      }
      String marked = text.replace(" ", mark);
      boolean prepend = prependScheme.equals("always") || prependScheme.equals("first") && atStart;
      if (prepend && !marked.startsWith(mark)) {
        marked = mark + marked;
      }
      if (split) {
        Pattern pattern = Pattern.compile(mark, Pattern.LITERAL);
        Behavior.MERGED_WITH_NEXT.cut(marked, pattern.matcher(marked), false, atStart, sink);
      } else {
        sink.piece(marked, atStart);
      }
    }
  }

  /** Each cuts the pieces of the one before. */
  record Sequence(List<PreTokenizer> parts) implements PreTokenizer {
    @Override
    public void apply(String text, boolean atStart, Sink sink) {
      apply(0, text, atStart, sink);
    }

    private void apply(int part, String text, boolean atStart, Sink sink) {
      if (part < parts.size()) {
        parts.get(part).apply(text, atStart, (piece, first) -> apply(part + 1, piece, first, sink));
      } else if (!text.isEmpty()) {
        sink.piece(text, atStart);
      }
    }
  }
}
