package dev.lamina.chat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Finds the longest of a set of spellings of added tokens at a place in a text. */
final class Trie {
  private final Node root = new Node();
  private final List<String> spellings = new ArrayList<>();
  private final List<AddedTokens.AddedToken> tokens = new ArrayList<>();

  /** Adds a spelling; an empty one is never found. */
  void add(String spelling, AddedTokens.AddedToken token) {
    if (spelling.isEmpty()) {
      return;
    }
    Node node = root;
    for (int i = 0; i < spelling.length(); i++) {
      node = node.childOrNew(spelling.charAt(i));
    }
    node.found = spellings.size();
    spellings.add(spelling);
    tokens.add(token);
  }

  /** The index of the longest spelling that begins at a place, -1 when none does. */
  int longest(String text, int from) {
    int longest = -1;
    Node node = root;
    for (int at = from; at < text.length(); at++) {
      int child = node.indexOf(text.charAt(at));
      if (child < 0) {
        break;
      }
      node = node.children[child];
      if (node.found >= 0) {
        longest = node.found;
      }
    }
    return longest;
  }

  AddedTokens.AddedToken token(int index) {
    return tokens.get(index);
  }

  int length(int index) {
    return spellings.get(index).length();
  }

  private static final class Node {
    private char[] labels = new char[0];
    private Node[] children = new Node[0];
    private int found = -1;

    int indexOf(char label) {
      return Arrays.binarySearch(labels, label);
    }

    Node childOrNew(char label) {
      int index = indexOf(label);
      if (index >= 0) {
        return children[index];
      }
      int at = -index - 1;
      char[] moreLabels = Arrays.copyOf(labels, labels.length + 1);
      Node[] moreChildren = Arrays.copyOf(children, labels.length + 1);
      System.arraycopy(labels, at, moreLabels, at + 1, labels.length - at);
      System.arraycopy(children, at, moreChildren, at + 1, labels.length - at);
      moreLabels[at] = label;
      moreChildren[at] = new Node();
      labels = moreLabels;
      children = moreChildren;
      return children[at];
    }
  }
}
