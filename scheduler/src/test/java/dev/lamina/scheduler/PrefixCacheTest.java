package dev.lamina.scheduler;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class PrefixCacheTest {
  private static final PrefixOrigin ORIGIN = new PrefixOrigin(null, null, 0);
  private final KvBlock[] blocks = {
    new KvBlock(0), new KvBlock(1), new KvBlock(2), new KvBlock(3), new KvBlock(4)
  };

  /** Every block falls into one bucket with one hash. */
  private final PrefixCache colliding =
      new PrefixCache(5, 2, (parent, origin, ids, from, to) -> 42);

  @Test
  void find_whenAllHashesCollide_stillTellsContentsApart() {
    int[] tokens = {1, 2, 3, 4, 1, 2};
    long first = colliding.insert(blocks[0], PrefixCache.ROOT, ORIGIN, tokens, 0);
    long second = colliding.insert(blocks[1], first, ORIGIN, tokens, 2);
    assertThat(colliding.find(PrefixCache.ROOT, ORIGIN, tokens, 0)).isSameAs(blocks[0]);
    assertThat(colliding.find(first, ORIGIN, tokens, 2)).isSameAs(blocks[1]);
    assertThat(colliding.find(PrefixCache.ROOT, ORIGIN, tokens, 2)).isNull();
    assertThat(colliding.find(second, ORIGIN, tokens, 4)).isNull();
    assertThat(colliding.find(first, ORIGIN, new int[] {3, 5}, 0)).isNull();
  }

  @Test
  void find_keepsOriginsApart() {
    int[] tokens = {1, 2};
    List<PrefixOrigin> origins =
        List.of(
            ORIGIN,
            new PrefixOrigin("a", null, 0),
            new PrefixOrigin(null, new Adapter("a", 0, 0), 0),
            new PrefixOrigin(null, new Adapter("a", 0, 1), 0),
            new PrefixOrigin(null, null, 1));
    for (int i = 0; i < 5; i++) {
      colliding.insert(blocks[i], PrefixCache.ROOT, origins.get(i), tokens, 0);
    }
    for (int i = 0; i < 5; i++) {
      assertThat(colliding.find(PrefixCache.ROOT, origins.get(i), tokens, 0)).isSameAs(blocks[i]);
    }
  }

  @Test
  void insert_ofContentThatIsThere_keepsTheOldBlockAndItsId() {
    int[] tokens = {1, 2};
    long id = colliding.insert(blocks[0], PrefixCache.ROOT, ORIGIN, tokens, 0);
    assertThat(colliding.insert(blocks[1], PrefixCache.ROOT, ORIGIN, tokens, 0)).isEqualTo(id);
    assertThat(blocks[1].isCached()).isFalse();
    assertThat(colliding.find(PrefixCache.ROOT, ORIGIN, tokens, 0)).isSameAs(blocks[0]);
  }

  @Test
  void remove_fromTheMiddleOfABucket_leavesTheOthers() {
    for (int i = 0; i < 3; i++) {
      colliding.insert(blocks[i], PrefixCache.ROOT, ORIGIN, new int[] {i, i}, 0);
    }
    colliding.remove(blocks[1]);
    assertThat(colliding.find(PrefixCache.ROOT, ORIGIN, new int[] {1, 1}, 0)).isNull();
    assertThat(colliding.find(PrefixCache.ROOT, ORIGIN, new int[] {0, 0}, 0)).isSameAs(blocks[0]);
    assertThat(colliding.find(PrefixCache.ROOT, ORIGIN, new int[] {2, 2}, 0)).isSameAs(blocks[2]);
  }

  @Test
  void insert_afterEviction_givesAnotherId_soThatStaleChildrenCannotMatch() {
    int[] tokens = {1, 2, 3, 4};
    long first = colliding.insert(blocks[0], PrefixCache.ROOT, ORIGIN, tokens, 0);
    colliding.insert(blocks[1], first, ORIGIN, tokens, 2);
    colliding.remove(blocks[0]);
    int[] other = {9, 9, 3, 4};
    long second = colliding.insert(blocks[0], PrefixCache.ROOT, ORIGIN, other, 0);
    assertThat(colliding.find(second, ORIGIN, other, 2)).isNull();
  }
}
