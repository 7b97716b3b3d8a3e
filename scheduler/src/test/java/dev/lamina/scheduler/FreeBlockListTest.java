package dev.lamina.scheduler;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayDeque;
import java.util.Random;
import org.junit.jupiter.api.Test;

class FreeBlockListTest {
  @Test
  void anyOrderOfCalls_agreesWithADeque() {
    for (long seed = 0; seed < 20; seed++) {
      Random random = new Random(seed);
      FreeBlockList list = new FreeBlockList();
      ArrayDeque<KvBlock> twin = new ArrayDeque<>();
      ArrayDeque<KvBlock> outside = new ArrayDeque<>();
      for (int id = 0; id < 20; id++) {
        outside.add(new KvBlock(id));
      }
      for (int call = 0; call < 1000; call++) {
        int kind = random.nextInt(4);
        if (kind < 2 && !outside.isEmpty()) {
          KvBlock block = outside.poll();
          if (kind == 0) {
            list.addFirst(block);
            twin.addFirst(block);
          } else {
            list.addLast(block);
            twin.addLast(block);
          }
        } else if (kind == 2 && !twin.isEmpty()) {
          outside.add(twin.peek());
          assertThat(list.removeFirst()).as("seed %d", seed).isSameAs(twin.poll());
        } else if (!twin.isEmpty()) {
          KvBlock middle =
              twin.stream().skip(random.nextInt(twin.size())).findFirst().orElseThrow();
          list.remove(middle);
          twin.remove(middle);
          outside.add(middle);
        }
        assertThat(list.size()).as("seed %d", seed).isEqualTo(twin.size());
      }
    }
  }

  @Test
  void removeFirst_ofAnEmptyList_fails() {
    assertThatThrownBy(() -> new FreeBlockList().removeFirst())
        .hasMessage("free list is empty; callers check size() first");
  }
}
