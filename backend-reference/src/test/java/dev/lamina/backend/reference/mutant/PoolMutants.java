package dev.lamina.backend.reference.mutant;

import dev.lamina.backend.sdk.HostState;
import dev.lamina.spi.ir.CompositeOp.KvAppend;
import dev.lamina.spi.ir.CompositeOp.StateCopy;
import dev.lamina.spi.ir.CompositeOp.StateExport;
import dev.lamina.spi.ir.CompositeOp.StateImport;
import dev.lamina.spi.ir.StateSpec;
import java.lang.foreign.MemorySegment;

/** Pools of keys and values. */
final class PoolMutants {
  private PoolMutants() {}

  static void addTo(MutantList list) {
    list.area("KV append", "kv_append/*");
    appends(list);
    list.area("KV copy", "state_copy/*");
    copies(list);
    list.area("KV export and import", "state_import/*");
    exchanges(list);
  }

  private static void appends(MutantList list) {
    list.op(
        "append-padding-written",
        "slot -1 writes slot 0",
        KvAppend.class,
        op ->
            new PlainPool.Append(op) {
              @Override
              long slot(long slot, HostState pool) {
                return Math.max(0, slot);
              }
            });
    list.op(
        "append-padding-at-the-end",
        "slot -1 writes the last slot",
        KvAppend.class,
        op ->
            new PlainPool.Append(op) {
              @Override
              long slot(long slot, HostState pool) {
                return slot == -1 ? pool.numSlots() - 1 : slot;
              }
            });
    list.op(
        "append-page-off",
        "one page too far",
        KvAppend.class,
        op ->
            new PlainPool.Append(op) {
              @Override
              long slot(long slot, HostState pool) {
                return slot < 0 ? slot : (slot + pool.spec().slotsPerPage()) % pool.numSlots();
              }
            });
    list.op(
        "append-one-off",
        "one slot too far, but for a page's last",
        KvAppend.class,
        op ->
            new PlainPool.Append(op) {
              @Override
              long slot(long slot, HostState pool) {
                return slot < 0 || slot % pool.spec().slotsPerPage() == 15 ? slot : slot + 1;
              }
            });
    list.op(
        "append-k-v-swapped",
        "keys and values change places",
        KvAppend.class,
        op ->
            new PlainPool.Append(op) {
              @Override
              String keyEntry() {
                return "v";
              }

              @Override
              String valueEntry() {
                return "k";
              }

              @Override
              long written(long elements) {
                return Math.min(elements, 6);
              }
            });
    list.op(
        "append-layer-0",
        "layer 0 for all",
        KvAppend.class,
        op ->
            new PlainPool.Append(op) {
              @Override
              int layer() {
                return 0;
              }
            });
    list.op(
        "append-row-of-the-slot",
        "rows counted without padding",
        KvAppend.class,
        op ->
            new PlainPool.Append(op) {
              private int skipped;

              @Override
              long slot(long slot, HostState pool) {
                skipped += slot < 0 ? 1 : 0;
                return slot;
              }

              @Override
              int row(int t) {
                return Math.max(0, t - skipped);
              }
            });
    list.op(
        "append-partial",
        "the last element of a slot is not written",
        KvAppend.class,
        op ->
            new PlainPool.Append(op) {
              @Override
              long written(long elements) {
                return elements - 1;
              }
            });
    list.op(
        "append-cut-to-bf16",
        "cuts off instead of rounding",
        KvAppend.class,
        op ->
            new PlainPool.Append(op) {
              @Override
              double rounded(double v) {
                return Spoils.toBf16(v);
              }
            });
  }

  private static void copies(MutantList list) {
    list.op(
        "copy-first-entry-only",
        "only the first entry",
        StateCopy.class,
        op ->
            new PlainPool.Copy() {
              @Override
              int entries(HostState pool) {
                return 1;
              }
            });
    list.op(
        "copy-last-layer-lost",
        "not the last layer",
        StateCopy.class,
        op ->
            new PlainPool.Copy() {
              @Override
              int entries(HostState pool) {
                return pool.spec().entries().size() - 2;
              }
            });
    list.op(
        "copy-partial",
        "the last bytes of a slot are not copied",
        StateCopy.class,
        op ->
            new PlainPool.Copy() {
              @Override
              long bytes(StateSpec.Entry entry) {
                return entry.bytesPerSlot() - entry.dtype().bytes();
              }
            });
    list.op(
        "copy-in-order",
        "a write comes before a later read",
        StateCopy.class,
        op ->
            new PlainPool.Copy() {
              @Override
              MemorySegment source(MemorySegment memory) {
                return memory;
              }
            });
    list.op(
        "copy-to-padding",
        "a pair whose target is below 0 writes slot 0",
        StateCopy.class,
        op ->
            new PlainPool.Copy() {
              @Override
              boolean isWanted(long src, long dst) {
                return src >= 0;
              }
            });
    list.op(
        "copy-from-padding",
        "a pair whose source is below 0 reads slot 0",
        StateCopy.class,
        op ->
            new PlainPool.Copy() {
              @Override
              boolean isWanted(long src, long dst) {
                return dst >= 0;
              }
            });
    list.op(
        "copy-slot-0-is-padding",
        "slot 0 counts as padding",
        StateCopy.class,
        op ->
            new PlainPool.Copy() {
              @Override
              boolean isWanted(long src, long dst) {
                return src > 0 && dst > 0;
              }
            });
    list.op(
        "copy-pages-of-32",
        "pairs after the first 32 are lost",
        StateCopy.class,
        op ->
            new PlainPool.Copy() {
              private int pairs;

              @Override
              MemorySegment source(MemorySegment memory) {
                pairs = 0;
                return super.source(memory);
              }

              @Override
              boolean isWanted(long src, long dst) {
                return pairs++ < 32 && super.isWanted(src, dst);
              }
            });
    list.op(
        "copy-nothing",
        "nothing",
        StateCopy.class,
        op ->
            new PlainPool.Copy() {
              @Override
              boolean isWanted(long src, long dst) {
                return false;
              }
            });
  }

  private static void exchanges(MutantList list) {
    list.op(
        "export-layer-0",
        "layer 0 for all",
        StateExport.class,
        op ->
            new PlainPool.Export(op) {
              @Override
              int layer() {
                return 0;
              }
            });
    list.op(
        "export-padding",
        "padding rows are left as NaN",
        StateExport.class,
        op ->
            new PlainPool.Export(op) {
              @Override
              byte padding() {
                return (byte) 0xFF;
              }
            });
    list.op(
        "import-padding-written",
        "slot -1 writes slot 0",
        StateImport.class,
        op ->
            new PlainPool.Import(op) {
              @Override
              long slot(long slot) {
                return Math.max(0, slot);
              }
            });
    list.op(
        "import-one-off",
        "even slots write the one above",
        StateImport.class,
        op ->
            new PlainPool.Import(op) {
              @Override
              long slot(long slot) {
                return slot | 1;
              }
            });
  }
}
