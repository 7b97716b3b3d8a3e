package dev.lamina.chat;

import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

/**
 * The {@code decoder} of a {@code tokenizer.json}, as a pipeline of stages that take tokens one at
 * a time and pass text on as soon as it is certain.
 *
 * <p>One deviation from the Rust library: in a run of byte tokens that is not all UTF-8 the library
 * replaces every byte, and so must see the run's end; here the characters that are whole stay.
 */
final class Decoder {

  /** One stage of one stream; it keeps what is not certain yet. */
  private interface Stage {
    /**
     * Takes a token, or a part of the text after tokens were fused, and appends what is certain.
     */
    void append(String token, StringBuilder out);

    /** Ends the stream and appends what was kept. */
    default void flush(StringBuilder out) {}
  }

  /** Makes a stage for a new stream. */
  private interface Kind {
    Stage start();
  }

  private final List<Kind> kinds;

  private Decoder(List<Kind> kinds) {
    this.kinds = kinds;
  }

  /** Reads the node; null and absent put spaces between the tokens. */
  static Decoder read(JsonNode node) {
    List<Kind> kinds = new ArrayList<>();
    if (node.isNull() || node.isMissingNode()) {
      kinds.add(SpaceBetween::new);
    } else {
      collect(node, kinds, false);
    }
    return new Decoder(List.copyOf(kinds));
  }

  /** Returns whether what comes after is one text, not tokens. */
  private static boolean collect(JsonNode node, List<Kind> kinds, boolean fused) {
    String type = node.path("type").asString("");
    switch (type) {
      case "ByteLevel" -> {
        kinds.add(Bytes::new);
        return true;
      }
      case "Fuse" -> {
        return true;
      }
      case "ByteFallback" -> kinds.add(ByteTokens::new);
      case "Metaspace" -> {
        PreTokenizer.Metaspace form = PreTokenizer.Metaspace.read(node);
        boolean dropsFirst = !form.prependScheme().equals("never");
        kinds.add(() -> new Marks(form.mark(), dropsFirst));
      }
      case "Replace" -> {
        Normalizer.Replace form =
            new Normalizer.Replace(
                PreTokenizer.pattern(node.path("pattern")), node.path("content").asString(""));
        if (fused && form.pattern().pattern().length() != 1) {
          throw new UnsupportedPartException("decoder Replace after Fuse");
        }
        kinds.add(() -> (token, out) -> out.append(form.normalize(token)));
      }
      case "Strip" -> {
        int stop = node.path("stop").asInt(0);
        if (stop != 0 || !fused) {
          throw new UnsupportedPartException("decoder Strip other than at the text's start");
        }
        String content = node.path("content").asString(" ");
        int start = node.path("start").asInt(0);
        kinds.add(() -> new StripStart(content, start));
      }
      case "Sequence" -> {
        boolean afterFuse = fused;
        for (JsonNode part : node.path("decoders")) {
          afterFuse = collect(part, kinds, afterFuse);
        }
        return afterFuse;
      }
      default -> throw new UnsupportedPartException("decoder " + type);
    }
    return fused;
  }

  /** Starts one stream. */
  Stream start() {
    return new Stream();
  }

  /** The decoding of one stream of tokens. */
  final class Stream {
    private final List<Stage> stages = new ArrayList<>();

    private Stream() {
      for (Kind kind : kinds) {
        stages.add(kind.start());
      }
    }

    String append(String token) {
      return push(0, token);
    }

    String flush() {
      StringBuilder text = new StringBuilder();
      for (int i = 0; i < stages.size(); i++) {
        StringBuilder kept = new StringBuilder();
        stages.get(i).flush(kept);
        text.append(push(i + 1, kept.toString()));
      }
      return text.toString();
    }

    private String push(int from, String token) {
      String text = token;
      for (int i = from; i < stages.size() && !text.isEmpty(); i++) {
        StringBuilder out = new StringBuilder();
        stages.get(i).append(text, out);
        text = out.toString();
      }
      return text;
    }
  }

  /** No decoder: tokens with spaces between them. */
  private static final class SpaceBetween implements Stage {
    private boolean started;

    @Override
    public void append(String token, StringBuilder out) {
      out.append(started ? " " : "").append(token);
      started = true;
    }
  }

  /** Tokens spelled in the byte alphabet. */
  private static final class Bytes implements Stage {
    private final Utf8Stream utf8 = new Utf8Stream(false);

    @Override
    public void append(String token, StringBuilder out) {
      utf8.append(ByteAlphabet.decode(token), out);
    }

    @Override
    public void flush(StringBuilder out) {
      utf8.flush(out);
    }
  }

  /** Tokens of the form <0x0A> are bytes, the others text. */
  private static final class ByteTokens implements Stage {
    private final Utf8Stream utf8 = new Utf8Stream(true);

    @Override
    public void append(String token, StringBuilder out) {
      int b = byteOf(token);
      if (b >= 0) {
        utf8.append(b, out);
      } else {
        utf8.flush(out);
        out.append(token);
      }
    }

    @Override
    public void flush(StringBuilder out) {
      utf8.flush(out);
    }

    private static int byteOf(String token) {
      if (token.length() != 6 || !token.startsWith("<0x") || token.charAt(5) != '>') {
        return -1;
      }
      int high = Character.digit(token.charAt(3), 16);
      int low = Character.digit(token.charAt(4), 16);
      return high < 0 || low < 0 ? -1 : high << 4 | low;
    }
  }

  /** Marks become spaces; the first token's vanish where encoding put one there. */
  private static final class Marks implements Stage {
    private final String mark;
    private final boolean dropsFirst;
    private boolean started;

    Marks(String mark, boolean dropsFirst) {
      this.mark = mark;
      this.dropsFirst = dropsFirst;
    }

    @Override
    public void append(String token, StringBuilder out) {
      out.append(token.replace(mark, started || !dropsFirst ? " " : ""));
      started = true;
    }
  }

  /** Takes up to a number of characters off the start of the whole text. */
  private static final class StripStart implements Stage {
    private final String content;
    private int left;

    StripStart(String content, int count) {
      this.content = content;
      this.left = count;
    }

    @Override
    public void append(String token, StringBuilder out) {
      int at = 0;
      while (left > 0 && token.startsWith(content, at)) {
        at += content.length();
        left--;
      }
      if (at < token.length()) {
        left = 0;
      }
      out.append(token, at, token.length());
    }
  }
}
