package dev.lamina.scheduler;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

class BlockManagerTest {
  private static final KvGroup.Lifetime FULL = new KvGroup.Lifetime.UntilFinished();
  private final BlockManager manager =
      new BlockManager(List.of(new KvGroup("kv", 6, 16, FULL)), 16, true);

  private static Request request(int... promptIds) {
    return new Request(
        GenerationRequest.of("r", promptIds, Rig.greedy(1000)),
        TokenListener.NONE,
        new Inbox(),
        1,
        4096,
        0,
        0);
  }

  private boolean compute(Request request) {
    manager.findCachedPrefix(request);
    if (!manager.admit(request, request.numTokens)) {
      return false;
    }
    manager.commit(request, request.numTokens);
    return true;
  }

  @Test
  void allocate_takesABlockOnlyWhenOneIsFull() {
    Request request = request(Rig.prompt(1, 15));
    assertThat(compute(request)).isTrue();
    assertThat(manager.numFreeBlocks()).isEqualTo(5);
    assertThat(manager.allocate(request, 16)).isTrue();
    assertThat(manager.numFreeBlocks()).isEqualTo(5);
    assertThat(manager.allocate(request, 17)).isTrue();
    assertThat(manager.numFreeBlocks()).isEqualTo(4);
  }

  @Test
  void allocate_thatDoesNotFit_changesNothing() {
    Request request = request(Rig.prompt(1, 40));
    assertThat(compute(request)).isTrue();
    assertThat(manager.allocate(request, 97)).isFalse();
    assertThat(manager.numFreeBlocks()).isEqualTo(3);
    assertThat(request.blockTables[0].numBlocks).isEqualTo(3);
    assertThat(manager.brokenInvariant()).isNull();
  }

  @Test
  void findCachedPrefix_leavesTheLastTokenToCompute() {
    Request first = request(Rig.prompt(1, 32));
    compute(first);
    manager.free(first);
    assertThat(manager.findCachedPrefix(request(Rig.prompt(1, 32)))).isEqualTo(16);
    assertThat(manager.findCachedPrefix(request(Rig.prompt(1, 33)))).isEqualTo(32);
    assertThat(manager.findCachedPrefix(request(Rig.prompt(1, 16)))).isZero();
  }

  @Test
  void allocate_reusesCachedPrefixBlocks_evenWhileTheyAreHeld() {
    Request first = request(Rig.prompt(1, 48));
    Request second = request(Rig.prompt(1, 48));
    compute(first);
    compute(second);
    assertThat(manager.numFreeBlocks()).isEqualTo(2);
    assertThat(second.blockTables[0].blockIds[1]).isEqualTo(first.blockTables[0].blockIds[1]);
    manager.free(first);
    assertThat(manager.numFreeBlocks()).isEqualTo(3);
    manager.free(second);
    assertThat(manager.numFreeBlocks()).isEqualTo(6);
    assertThat(manager.brokenInvariant()).isNull();
  }

  @Test
  void admit_countsUnheldHitsAsTaken() {
    Request first = request(Rig.prompt(1, 96));
    compute(first);
    manager.free(first);
    Request same = request(java.util.Arrays.copyOf(Rig.prompt(1, 96), 97));
    assertThat(manager.findCachedPrefix(same)).isEqualTo(96);
    assertThat(manager.admit(same, 97)).isFalse();
    assertThat(same.blockTables[0].numBlocks).isZero();
    assertThat(manager.numFreeBlocks()).isEqualTo(6);
    assertThat(manager.brokenInvariant()).isNull();
  }

  @Test
  void free_letsTheTailOfTheOldestContextGoFirst() {
    Request old = request(Rig.prompt(1, 48));
    compute(old);
    manager.free(old);
    Request young = request(Rig.prompt(2, 48));
    compute(young);
    manager.free(young);
    Request newcomer = request(Rig.prompt(3, 16));
    compute(newcomer);
    assertThat(manager.findCachedPrefix(request(Rig.prompt(1, 49)))).isEqualTo(32);
    assertThat(manager.findCachedPrefix(request(Rig.prompt(2, 49)))).isEqualTo(48);
  }

  @Test
  void free_letsBlocksNobodyCanFindGoBeforeAllOthers() {
    Request cached = request(Rig.prompt(1, 80));
    compute(cached);
    manager.free(cached);
    Request partial = request(Rig.prompt(2, 10));
    compute(partial);
    manager.free(partial);
    compute(request(Rig.prompt(3, 10)));
    assertThat(manager.findCachedPrefix(request(Rig.prompt(1, 81)))).isEqualTo(80);
  }

  @Test
  void resetPrefixCache_forgetsEverything() {
    Request first = request(Rig.prompt(1, 48));
    compute(first);
    manager.free(first);
    manager.resetPrefixCache();
    assertThat(manager.findCachedPrefix(request(Rig.prompt(1, 48)))).isZero();
    assertThat(manager.brokenInvariant()).isNull();
  }

  @Test
  void groups_ofDifferentBlockSizes_areRefused() {
    assertThatThrownBy(() ->
            new BlockManager(
                List.of(new KvGroup("a", 4, 16, FULL), new KvGroup("b", 4, 32, FULL)), 16, true))
        .hasMessage("KV groups: expected blocks of 16 tokens, got 32 for b");
  }
}
