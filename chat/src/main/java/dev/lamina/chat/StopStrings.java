package dev.lamina.chat;

import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Finds stop strings in text that arrives in pieces, cut anywhere. The stop that is complete first
 * wins, of two that end together the longer. Text is held back only while it may be the beginning
 * of a stop. An automaton after Aho and Corasick (1975): constant work a character. Immutable.
 */
public final class StopStrings {
  /** No stop strings: all text passes at once. */
  public static final StopStrings NONE = new StopStrings(List.of());

  private final List<String> stops;
  // The trie: state 0 is the root; a state's children are a linked list by firstChild, sibling.
  private final char[] label;
  private final int[] firstChild;
  private final int[] sibling;
  private final int[] depth;
  private final int[] fallback;
  private final int[] stopAt;
  private int states = 1;

  /**
   * @param stops the stop strings, none of them empty
   */
  public StopStrings(List<String> stops) {
    this.stops = List.copyOf(stops);
    int capacity = 1;
    for (String stop : stops) {
      if (stop.isEmpty()) {
        throw new IllegalArgumentException(
            "stop: expected non-empty strings, got an empty one; leave it out");
      }
      capacity += stop.length();
    }
    label = new char[capacity];
    firstChild = filled(capacity, -1);
    sibling = filled(capacity, -1);
    depth = new int[capacity];
    fallback = new int[capacity];
    stopAt = filled(capacity, -1);
    for (int i = 0; i < this.stops.size(); i++) {
      insert(this.stops.get(i), i);
    }
    linkFallbacks();
  }

  /** The stop strings. */
  public List<String> stops() {
    return stops;
  }

  /** Starts matching one stream of text. */
  public Matcher matcher() {
    return new Matcher();
  }

  /** The matching of one stream; not safe for use by several threads. */
  public final class Matcher {
    private final StringBuilder held = new StringBuilder();
    private int state;
    private @Nullable String matched;

    private Matcher() {}

    /**
     * Takes the next piece of text and returns what can be shown: never a character of a stop
     * string, nor anything after one.
     */
    public String append(String piece) {
      if (matched != null || piece.isEmpty()) {
        return "";
      }
      if (stops.isEmpty()) {
        return piece;
      }
      for (int i = 0; i < piece.length(); i++) {
        state = next(state, piece.charAt(i));
        held.append(piece.charAt(i));
        int stop = stopAt[state];
        if (stop >= 0) {
          matched = stops.get(stop);
          held.setLength(held.length() - matched.length());
          return take(held.length());
        }
      }
      return take(held.length() - depth[state]);
    }

    /** Ends the stream: returns what was held back, empty after a stop. */
    public String flush() {
      state = 0;
      return take(held.length());
    }

    /** Whether a stop string was found. */
    public boolean stopped() {
      return matched != null;
    }

    /** The stop string that was found, null before one was. */
    public @Nullable String matched() {
      return matched;
    }

    private String take(int length) {
      String text = held.substring(0, length);
      held.delete(0, length);
      return text;
    }
  }

  private void insert(String stop, int index) {
    int state = 0;
    for (int i = 0; i < stop.length(); i++) {
      int child = child(state, stop.charAt(i));
      if (child < 0) {
        child = states++;
        label[child] = stop.charAt(i);
        sibling[child] = firstChild[state];
        firstChild[state] = child;
        depth[child] = depth[state] + 1;
      }
      state = child;
    }
    stopAt[state] = index;
  }

  /** Breadth first: a state falls back to the longest proper suffix that is a state too. */
  private void linkFallbacks() {
    int[] queue = new int[states];
    int tail = 1;
    for (int head = 0; head < tail; head++) {
      int state = queue[head];
      for (int child = firstChild[state]; child >= 0; child = sibling[child]) {
        fallback[child] = state == 0 ? 0 : next(fallback[state], label[child]);
        if (stopAt[child] < 0) {
          stopAt[child] = stopAt[fallback[child]];
        }
        queue[tail++] = child;
      }
    }
  }

  private int next(int from, char c) {
    int state = from;
    int child = child(state, c);
    while (child < 0 && state != 0) {
      state = fallback[state];
      child = child(state, c);
    }
    return Math.max(child, 0);
  }

  private int child(int state, char c) {
    int child = firstChild[state];
    while (child >= 0 && label[child] != c) {
      child = sibling[child];
    }
    return child;
  }

  private static int[] filled(int length, int value) {
    int[] array = new int[length];
    Arrays.fill(array, value);
    return array;
  }
}
