package dev.lamina.chat;

import java.util.regex.Matcher;

/** What a split does with the matches of its pattern. */
enum Behavior {
  /** Matches vanish. */
  REMOVED,
  /** Each match is a piece of its own. */
  ISOLATED,
  /** Neighbouring matches are one piece. */
  CONTIGUOUS,
  /** A match belongs to the piece before it. */
  MERGED_WITH_PREVIOUS,
  /** A match belongs to the piece after it. */
  MERGED_WITH_NEXT;

  static Behavior read(String name) {
    return switch (name) {
      case "Removed" -> REMOVED;
      case "Isolated" -> ISOLATED;
      case "Contiguous" -> CONTIGUOUS;
      case "MergedWithPrevious" -> MERGED_WITH_PREVIOUS;
      case "MergedWithNext" -> MERGED_WITH_NEXT;
      default -> throw new UnsupportedPartException("split behavior " + name);
    };
  }

  /** Cuts a text; with {@code invert} what lies between the matches counts as the matches. */
  void cut(String text, Matcher matcher, boolean invert, boolean atStart, PreTokenizer.Sink sink) {
    Cutter cutter = new Cutter(this, text, atStart, sink);
    int end = 0;
    while (matcher.find()) {
      cutter.segment(end, matcher.start(), invert);
      cutter.segment(matcher.start(), matcher.end(), !invert);
      end = matcher.end();
    }
    cutter.segment(end, text.length(), invert);
    cutter.emit(text.length());
  }

  /** Joins the segments, matches and what lies between them, to pieces. */
  private static final class Cutter {
    private final Behavior behavior;
    private final String text;
    private final boolean atStart;
    private final PreTokenizer.Sink sink;
    private int pieceStart;
    private boolean lastMatched;
    private boolean dropping;

    Cutter(Behavior behavior, String text, boolean atStart, PreTokenizer.Sink sink) {
      this.behavior = behavior;
      this.text = text;
      this.atStart = atStart;
      this.sink = sink;
    }

    void segment(int start, int end, boolean matched) {
      if (start == end) {
        return;
      }
      boolean joins =
          start > 0
              && switch (behavior) {
                case REMOVED, ISOLATED -> false;
                case CONTIGUOUS -> matched == lastMatched;
                case MERGED_WITH_PREVIOUS -> matched && !lastMatched;
                case MERGED_WITH_NEXT -> lastMatched && !matched;
              };
      if (!joins) {
        emit(start);
      }
      lastMatched = matched;
      dropping = behavior == REMOVED && matched;
    }

    /** Ends the open piece. */
    void emit(int end) {
      if (end > pieceStart && !dropping) {
        sink.piece(text.substring(pieceStart, end), atStart && pieceStart == 0);
      }
      pieceStart = end;
    }
  }
}
