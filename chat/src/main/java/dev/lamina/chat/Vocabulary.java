package dev.lamina.chat;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Tokens by id and ids by token. An open-addressing table of ids: a vocabulary of 150,000 tokens
 * loads without a node or a boxed number a token.
 */
final class Vocabulary {
  private static final int DIRECT = 0x3000;

  private @Nullable String[] tokens = new String[8192];
  private int[] slots = new int[16384];
  private final int[] idOfCodePoint = new int[DIRECT];
  private int filled;
  private int size;

  Vocabulary() {
    Arrays.fill(slots, -1);
    Arrays.fill(idOfCodePoint, -1);
  }

  /** Adds a token; a token that is there already gets the new id. */
  void put(String token, int id) {
    if (id >= tokens.length) {
      tokens = Arrays.copyOf(tokens, Math.max(id + 1, tokens.length * 2));
    }
    tokens[id] = token;
    size = Math.max(size, id + 1);
    if (token.length() == 1 && token.charAt(0) < DIRECT) {
      idOfCodePoint[token.charAt(0)] = id;
    }
    int slot = slotOf(token);
    if (slots[slot] < 0) {
      filled++;
    }
    slots[slot] = id;
    if (filled * 2 > slots.length) {
      grow();
    }
  }

  /** The id of a token, -1 when there is none. */
  int id(String token) {
    return slots[slotOf(token)];
  }

  /** The id of the token that is this one code point, -1 when there is none. */
  int id(int codePoint) {
    return codePoint < DIRECT ? idOfCodePoint[codePoint] : id(Character.toString(codePoint));
  }

  @Nullable String token(int id) {
    return id < 0 || id >= size ? null : tokens[id];
  }

  /** One more than the largest id. */
  int size() {
    return size;
  }

  private int slotOf(String token) {
    int mask = slots.length - 1;
    int slot = mix(token.hashCode()) & mask;
    while (slots[slot] >= 0 && !token.equals(tokens[slots[slot]])) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  private void grow() {
    int[] old = slots;
    slots = new int[old.length * 2];
    Arrays.fill(slots, -1);
    for (int id : old) {
      String token = id < 0 ? null : tokens[id];
      if (token != null) {
        slots[slotOf(token)] = id;
      }
    }
  }

  private static int mix(int hash) {
    int mixed = hash * 0x9E3779B9;
    return mixed ^ (mixed >>> 15);
  }
}
