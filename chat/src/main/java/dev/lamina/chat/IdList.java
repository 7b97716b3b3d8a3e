package dev.lamina.chat;

import java.util.Arrays;

/** Growing list of token ids without boxing. */
final class IdList {
  private int[] ids;
  private int size;

  IdList(int capacity) {
    ids = new int[Math.max(16, capacity)];
  }

  void add(int id) {
    if (size == ids.length) {
      ids = Arrays.copyOf(ids, size * 2);
    }
    ids[size++] = id;
  }

  void addAll(int[] more) {
    for (int id : more) {
      add(id);
    }
  }

  void clear() {
    size = 0;
  }

  int[] toArray() {
    return Arrays.copyOf(ids, size);
  }
}
