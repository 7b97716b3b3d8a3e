package dev.lamina.backend.reference.mutant;

import dev.lamina.backend.sdk.HostState;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.spi.ir.CompositeOp.KvAppend;
import dev.lamina.spi.ir.CompositeOp.PagedAttention;
import dev.lamina.spi.ir.CompositeOp.StateCopy;
import dev.lamina.spi.ir.CompositeOp.StateExport;
import dev.lamina.spi.ir.CompositeOp.StateImport;
import dev.lamina.spi.ir.StateSpec;
import java.util.function.Function;

/** Attention and pools that are right up to a limit: so many heads, elements, slots, tokens. */
final class PoolLimitMutants {
  private PoolLimitMutants() {}

  static void addTo(MutantList list) {
    heads(list);
    tables(list);
    numbers(list);
    list.area("attention, in a corner", "paged_attention/*");
    corners(list);
    list.area(
        "KV append, beyond a limit",
        "kv_append/*/wide/*",
        "kv_append/*/nans/*",
        "kv_append/*/infinite/*",
        "kv_append/*/far/*",
        "kv_append/*/0x160/*");
    appends(list);
    list.area(
        "KV copy, beyond a limit",
        "state_copy/*/wide/*",
        "state_copy/*/far/*",
        "state_copy/*/none/*",
        "state_copy/*/to-itself/*");
    copies(list);
    list.area("KV export and import, beyond a limit", "state_import/*/many/*");
    exchanges(list);
  }

  private static void add(
      MutantList list, String name, String bug, Function<PagedAttention, PlainAttention> wrong) {
    AttentionMutants.add(list, name, bug, wrong);
  }

  private static void heads(MutantList list) {
    list.area("attention, beyond a limit", "paged_attention/*group-of*");
    add(
        list,
        "group-of-8",
        "query heads beyond the eighth of a KV head are 0",
        op ->
            new PlainAttention(op) {
              @Override
              double finish(double y, int s, int t, int h) {
                return h % (numHeads / numKvHeads) >= 8 ? 0 : y;
              }
            });
    list.area("attention, beyond a limit", "paged_attention/*kv-heads*");
    add(
        list,
        "kv-head-8",
        "KV heads from the ninth on are the eighth",
        op ->
            new PlainAttention(op) {
              @Override
              int kvHead(int h) {
                return Math.min(7, super.kvHead(h));
              }
            });
    list.area("attention, beyond a limit", "paged_attention/*wide-heads*");
    list.after(
        "attention-value-128",
        "values from 128 on are 0",
        PagedAttention.class,
        LimitMutants.lost(-1, 128));
    add(
        list,
        "key-128",
        "keys from element 128 on are left out",
        op ->
            new PlainAttention(op) {
              @Override
              double product(double q, double k, int d) {
                return d >= 128 ? 0 : super.product(q, k, d);
              }
            });
  }

  private static void tables(MutantList list) {
    list.area("attention, beyond a limit", "paged_attention/*wide-table*");
    add(
        list,
        "table-as-wide-as-needed",
        "a row of the table is as long as the longest sequence needs",
        op ->
            new PlainAttention(op) {
              @Override
              int page(int s, int i) {
                int most = 1;
                for (int other = 0; other < numSeqs; other++) {
                  most = Math.max(most, (kvLen(other) + page - 1) / page);
                }
                return (int) table.integer((long) s * most + i);
              }
            });
    list.area("attention, beyond a limit", "paged_attention/*130-sequences*");
    add(
        list,
        "sequence-64",
        "sequences from the 65th on are 0",
        op ->
            new PlainAttention(op) {
              @Override
              double finish(double y, int s, int t, int h) {
                return s >= 64 ? 0 : y;
              }
            });
    list.area("attention, beyond a limit", "paged_attention/*no-tokens*");
    LimitMutants.failsWithout(list, "attention-no-tokens", PagedAttention.class, 0);
    list.area("attention, beyond a limit", "paged_attention/*no-sequences*");
    LimitMutants.failsWithout(list, "attention-no-sequences", PagedAttention.class, 3);
    list.area("attention, beyond a limit", "paged_attention/*65-rows*");
    add(
        list,
        "row-65",
        "the last row of 64 i + 1 is 0",
        op ->
            new PlainAttention(op) {
              @Override
              double finish(double y, int s, int t, int h) {
                return numTokens > 1 && numTokens % 64 == 1 && t == numTokens - 1 ? 0 : y;
              }
            });
    list.area("attention, beyond a limit", "paged_attention/*chunk-of-1*");
    add(
        list,
        "chunk-of-one",
        "chunks of 1 are none",
        op ->
            new PlainAttention(op) {
              @Override
              boolean inChunk(long p, long j) {
                return op.chunk() == 1 || super.inChunk(p, j);
              }
            });
  }

  private static void numbers(MutantList list) {
    list.area("attention, beyond a limit", "paged_attention/*nan-queries*");
    list.after(
        "attention-nan-lost", "NaN becomes 0", PagedAttention.class, Spoils.every(Spoils::noNan));
    list.area("attention, beyond a limit", "paged_attention/*below-f16*");
    for (int least : new int[] {-10000, -65504}) {
      add(
          list,
          "maximum-from" + least,
          "the maximum starts at " + least,
          op ->
              new PlainAttention(op) {
                @Override
                double shift(double max) {
                  return Math.max(least, max);
                }
              });
    }
    list.area("attention, beyond a limit", "paged_attention/*sinks-of-minus*");
    add(
        list,
        "infinite-sink",
        "a sink of -inf is the least F16",
        op ->
            new PlainAttention(op) {
              @Override
              double sink(int h) {
                return Math.max(-65504, super.sink(h));
              }

              @Override
              double finish(double y, int s, int t, int h) {
                return Double.isInfinite(super.sink(h)) ? 0 : y;
              }
            });
  }

  private static void corners(MutantList list) {
    add(
        list,
        "key-tail",
        "elements of a key beyond a multiple of 8 are left out, from 16 on",
        op ->
            new PlainAttention(op) {
              @Override
              double product(double q, double k, int d) {
                int width = this.q.width();
                return width > 16 && d >= width / 8 * 8 ? 0 : super.product(q, k, d);
              }
            });
    add(
        list,
        "non-causal-chunk",
        "without a causal mask a chunk ends at the query",
        op ->
            new PlainAttention(op) {
              @Override
              boolean inChunk(long p, long j) {
                return super.inChunk(p, j) && (op.chunk() == 0 || j <= p);
              }
            });
    add(
        list,
        "window-of-whole-tiles",
        "a window above 64 is a multiple of 64",
        op ->
            new PlainAttention(op) {
              @Override
              boolean inWindow(long p, long j) {
                long w = op.window();
                return w <= 64 || w > 1 << 20 ? super.inWindow(p, j) : j > p - (w + 63) / 64 * 64;
              }
            });
    add(
        list,
        "sink-lost-in-splits",
        "the sink is lost beyond 512 keys",
        op ->
            new PlainAttention(op) {
              private boolean split;

              @Override
              int visible(int s, int t) {
                split = kvLen(s) > 512;
                return super.visible(s, t);
              }

              @Override
              double sinkWeight(int h, double max) {
                return split ? 0 : super.sinkWeight(h, max);
              }
            });
    add(
        list,
        "scale-in-bf16",
        "the scale is rounded to BF16",
        op ->
            new PlainAttention(op) {
              @Override
              double scaled(double dot, int h) {
                return dot * Spoils.toBf16(op.scale());
              }
            });
    add(
        list,
        "decode-of-two",
        "the first of two query rows sees the second's key",
        op ->
            new PlainAttention(op) {
              @Override
              long position(int s, int t) {
                return end(s) - start(s) == 2 ? kvLen(s) - 1L : super.position(s, t);
              }
            });
    add(
        list,
        "alibi-distance-in-bf16",
        "the distance is rounded to BF16",
        op ->
            new PlainAttention(op) {
              @Override
              double biased(double logit, int h, long distance) {
                return super.biased(logit, h, (long) Spoils.toBf16(distance));
              }
            });
  }

  private static void appends(MutantList list) {
    LimitMutants.failsWithout(list, "append-no-tokens", KvAppend.class, 1);
    list.op(
        "append-element-64",
        "elements from 64 on are not written",
        KvAppend.class,
        op ->
            new PlainPool.Append(op) {
              @Override
              long written(long elements) {
                return Math.min(64, elements);
              }
            });
    list.op(
        "append-nan-lost",
        "NaN becomes 0",
        KvAppend.class,
        op ->
            new PlainPool.Append(op) {
              @Override
              double rounded(double v) {
                return Spoils.noNan(v);
              }
            });
    list.op(
        "append-saturates",
        "infinity becomes the largest number",
        KvAppend.class,
        op ->
            new PlainPool.Append(op) {
              @Override
              double rounded(double v) {
                return Double.isInfinite(v) ? Math.signum(v) * 65504 : v;
              }
            });
    list.op(
        "append-slot-in-16-bits",
        "slots wrap at 32768",
        KvAppend.class,
        op ->
            new PlainPool.Append(op) {
              @Override
              long slot(long slot, HostState pool) {
                return slot < 0 ? slot : slot & 0x7FFF;
              }
            });
  }

  private static void copies(MutantList list) {
    LimitMutants.failsWithout(list, "copy-no-pairs", StateCopy.class, 1);
    list.op(
        "copy-128-bytes",
        "bytes from 128 on are not copied",
        StateCopy.class,
        op ->
            new PlainPool.Copy() {
              @Override
              long bytes(StateSpec.Entry entry) {
                return Math.min(128, entry.bytesPerSlot());
              }
            });
    list.op(
        "copy-far-slots",
        "slots from 32768 on are out of reach",
        StateCopy.class,
        op ->
            new PlainPool.Copy() {
              @Override
              boolean isWanted(long src, long dst) {
                return super.isWanted(src, dst) && src < 32768 && dst < 32768;
              }
            });
    list.op(
        "copy-to-itself",
        "a slot copied to itself becomes zeros",
        StateCopy.class,
        op ->
            new PlainPool.Copy() {
              @Override
              public void run(KernelArgs args) {
                super.run(args);
                Cells src = Cells.in(args, 1);
                Cells dst = Cells.in(args, 2);
                HostState pool = args.state(0);
                for (int i = 0; i < src.count(); i++) {
                  if (src.integer(i) >= 0 && src.integer(i) == dst.integer(i)) {
                    long bytes = pool.spec().entries().getFirst().bytesPerSlot();
                    pool.entry(0).asSlice(src.integer(i) * bytes, bytes).fill((byte) 0);
                  }
                }
              }
            });
  }

  private static void exchanges(MutantList list) {
    LimitMutants.failsWithout(list, "export-no-slots", StateExport.class, 1);
    LimitMutants.failsWithout(list, "import-no-slots", StateImport.class, 2);
    list.after(
        "export-row-33",
        "rows from the 34th on are 0",
        StateExport.class,
        LimitMutants.lost(0, 33));
    list.op(
        "import-slot-in-8-bits",
        "slots wrap at 256",
        StateImport.class,
        op ->
            new PlainPool.Import(op) {
              @Override
              long slot(long slot) {
                return slot < 0 ? slot : slot & 255;
              }
            });
  }
}
