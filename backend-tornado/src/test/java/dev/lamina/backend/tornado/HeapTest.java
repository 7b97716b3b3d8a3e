package dev.lamina.backend.tornado;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lamina.backend.sdk.BackendFailure;
import dev.lamina.spi.OutOfDeviceMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class HeapTest {
  @Test
  void ranges_areAlignedAndApart() {
    Heap heap = new Heap(100, 4096);
    assertEquals(256, heap.take(1, "a"));
    assertEquals(512, heap.take(257, "b"));
    assertEquals(1024, heap.take(256, "c"));
    assertEquals(3840, heap.capacity());
  }

  @Test
  void neighboursThatAreFree_areJoined() {
    Heap heap = new Heap(0, 1024);
    long a = heap.take(256, "a");
    long b = heap.take(256, "b");
    long c = heap.take(256, "c");
    heap.give(a);
    heap.give(c);
    heap.give(b);
    assertEquals(0, heap.take(1024, "all"));
  }

  @Test
  void aFullHeap_saysWhatWasAskedAndHowToHaveMore() {
    Heap heap = new Heap(0, 1024);
    heap.take(512, "a");
    BackendFailure e = assertThrows(BackendFailure.class, () -> heap.take(600, "loadWeight w"));
    assertTrue(e.failure() instanceof OutOfDeviceMemory);
    assertEquals(
        "loadWeight w: expected 600 bytes in one piece, got 512 of 1024 free; close what is not"
            + " needed, or start with more: -Dlamina.tornado.memory=BYTES",
        e.getMessage());
    assertEquals(512, heap.take(512, "what is left"));
  }

  @Test
  void anAddressThatWasNotTaken_isRefused() {
    Heap heap = new Heap(0, 1024);
    assertEquals(
        "give: expected an address that was taken, got 256",
        assertThrows(IllegalStateException.class, () -> heap.give(256)).getMessage());
  }

  @Test
  void manyTakenAndGivenAnyhow_leaveOneFreeRange() {
    Heap heap = new Heap(0, 1 << 20);
    Random random = new Random(7);
    List<long[]> taken = new ArrayList<>();
    for (int i = 0; i < 10_000; i++) {
      if (taken.size() > 40 || !taken.isEmpty() && random.nextBoolean()) {
        heap.give(taken.remove(random.nextInt(taken.size()))[0]);
      } else {
        long bytes = 1 + random.nextInt(9000);
        long at = heap.take(bytes, "some");
        for (long[] other : taken) {
          assertTrue(at + bytes <= other[0] || other[0] + other[1] <= at);
        }
        taken.add(new long[] {at, bytes});
      }
    }
    taken.forEach(t -> heap.give(t[0]));
    assertEquals(0, heap.take(1 << 20, "all"));
  }
}
