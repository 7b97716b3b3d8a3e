package dev.lamina.scheduler;

import org.jspecify.annotations.Nullable;

/**
 * The blocks that nobody holds, least recently used first: a doubly linked list through the blocks
 * themselves, so that a prefix hit takes a block out of the middle in constant time.
 */
final class FreeBlockList {
  private final KvBlock head = new KvBlock(-1);
  private final KvBlock tail = new KvBlock(-1);
  private int size;

  FreeBlockList() {
    head.nextFree = tail;
    tail.previousFree = head;
  }

  int size() {
    return size;
  }

  /** To be reused first. */
  void addFirst(KvBlock block) {
    insertAfter(head, block);
  }

  /** To be reused last. */
  void addLast(KvBlock block) {
    insertAfter(linked(tail.previousFree), block);
  }

  KvBlock removeFirst() {
    KvBlock first = linked(head.nextFree);
    if (first == tail) {
      throw new AssertionError("free list is empty; callers check size() first");
    }
    remove(first);
    return first;
  }

  void remove(KvBlock block) {
    KvBlock previous = linked(block.previousFree);
    KvBlock next = linked(block.nextFree);
    previous.nextFree = next;
    next.previousFree = previous;
    block.previousFree = null;
    block.nextFree = null;
    size--;
  }

  private void insertAfter(KvBlock previous, KvBlock block) {
    KvBlock next = linked(previous.nextFree);
    block.previousFree = previous;
    block.nextFree = next;
    previous.nextFree = block;
    next.previousFree = block;
    size++;
  }

  private static KvBlock linked(@Nullable KvBlock block) {
    if (block == null) {
      throw new AssertionError("block is not in the free list");
    }
    return block;
  }
}
