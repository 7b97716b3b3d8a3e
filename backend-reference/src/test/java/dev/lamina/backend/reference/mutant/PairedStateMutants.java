package dev.lamina.backend.reference.mutant;

import dev.lamina.backend.sdk.HostState;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.Command;
import dev.lamina.spi.Points;
import dev.lamina.spi.ir.CompositeOp.CausalConv1d;
import dev.lamina.spi.ir.CompositeOp.GatedDelta;
import dev.lamina.spi.ir.CompositeOp.KvAppend;
import dev.lamina.spi.ir.CompositeOp.SsdScan;
import dev.lamina.spi.ir.CompositeOp.StateCopy;

/** Bugs of pools, states and queues that show only where two things come together. */
final class PairedStateMutants {
  private PairedStateMutants() {}

  static void addTo(MutantList list) {
    list.area("KV append, two conditions", "kv_append/*");
    appends(list);
    list.area("KV copy, two conditions", "state_copy/*");
    copies(list);
    list.area("recurrent state, two conditions", "gated_delta/*", "ssd_scan/*", "causal_conv1d/*");
    states(list);
    list.area("queue, two conditions", "queue/*");
    queues(list);
  }

  private static void appends(MutantList list) {
    list.op(
        "append-row-16",
        "the 16th row is written as the 15th",
        KvAppend.class,
        op ->
            new PlainPool.Append(op) {
              @Override
              int row(int t) {
                return t == 15 ? 14 : t;
              }
            });
    list.op(
        "append-last-slot-of-a-page",
        "the last slot of a page is not written",
        KvAppend.class,
        op ->
            new PlainPool.Append(op) {
              @Override
              long slot(long slot, HostState pool) {
                long page = pool.spec().slotsPerPage();
                return page > 1 && slot % page == page - 1 ? -1 : slot;
              }
            });
  }

  private static void copies(MutantList list) {
    list.op(
        "copy-last-slot-of-a-page",
        "between pages, the last slot of a page is left out",
        StateCopy.class,
        op ->
            new PlainPool.Copy() {
              @Override
              boolean isWanted(long src, long dst) {
                return super.isWanted(src, dst) && (dst % 16 != 15 || src / 16 == dst / 16);
              }
            });
    list.op(
        "copy-to-slot-0",
        "slot 0 is never written",
        StateCopy.class,
        op ->
            new PlainPool.Copy() {
              @Override
              boolean isWanted(long src, long dst) {
                return super.isWanted(src, dst) && dst > 0;
              }
            });
  }

  private static void states(MutantList list) {
    list.op(
        "delta-new-behind-old",
        "a new sequence behind another begins with its state",
        GatedDelta.class,
        op ->
            new PlainRecurrence.Delta(op) {
              @Override
              long read(int s) {
                long right = super.read(s);
                return s > 0 && right < 0 ? super.read(s - 1) : right;
              }
            });
    list.op(
        "delta-last-head-decay",
        "with a decay an element the last head takes the first of them",
        GatedDelta.class,
        op ->
            new PlainRecurrence.Delta(op) {
              @Override
              double logDecay(int t, int h, int i) {
                return super.logDecay(t, h, h == heads - 1 ? 0 : i);
              }
            });
    list.op(
        "ssd-step-of-last-head",
        "the last head takes the step of the one before",
        SsdScan.class,
        op ->
            new PlainRecurrence.Scan(op) {
              @Override
              double dt(int t, int h) {
                return super.dt(t, h > 0 && h == heads - 1 ? h - 1 : h);
              }
            });
    list.op(
        "conv-tail-of-exact-rows",
        "as many rows as the state holds leave it as it was",
        CausalConv1d.class,
        op ->
            new PlainRecurrence.Convolution(op) {
              @Override
              boolean isKept(int begin, int end) {
                return end - begin != taps - 1;
              }
            });
  }

  private static void queues(MutantList list) {
    QueueMutants.queue(
        list,
        "queue-first-waiting-command",
        "the first command with waits does not wait",
        (d, q) ->
            new FaultyQueue(q) {
              private boolean begun;

              @Override
              void send(Points waits, Command c, Points signals) throws BackendException {
                boolean first = waits.size() > 0 && !begun;
                begun |= first;
                super.send(first ? Points.none() : waits, c, signals);
              }
            });
    QueueMutants.queue(
        list,
        "queue-fills-do-not-wait",
        "fills do not wait",
        (d, q) ->
            new FaultyQueue(q) {
              @Override
              void send(Points waits, Command c, Points signals) throws BackendException {
                super.send(c instanceof Command.Fill ? Points.none() : waits, c, signals);
              }
            });
    QueueMutants.queue(
        list,
        "queue-waits-beyond-4",
        "waits from the fifth on are lost",
        (d, q) ->
            new FaultyQueue(q) {
              @Override
              void send(Points waits, Command c, Points signals) throws BackendException {
                super.send(QueueMutants.part(waits, 0, 4), c, signals);
              }
            });
    QueueMutants.queue(
        list,
        "queue-values-in-16-bits",
        "values wrap at 65536 where waited for",
        (d, q) ->
            new FaultyQueue(q) {
              @Override
              void send(Points waits, Command c, Points signals) throws BackendException {
                super.send(QueueMutants.valued(waits, v -> v & 0xFFFF), c, signals);
              }
            });
    QueueMutants.queue(
        list,
        "queue-values-in-32-bits",
        "values wrap at 2^32 where waited for",
        (d, q) ->
            new FaultyQueue(q) {
              @Override
              void send(Points waits, Command c, Points signals) throws BackendException {
                super.send(QueueMutants.valued(waits, v -> v & 0xFFFFFFFFL), c, signals);
              }
            });
  }
}
