package dev.lamina.backend.sdk.grid;

import dev.lamina.backend.sdk.HostState;
import dev.lamina.backend.sdk.Kernel;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.StateSpec;

/** The composites that read or write a pool in the dense layout. */
public final class StateKernels {
  private final GridDevice grid;

  StateKernels(GridDevice grid) {
    this.grid = grid;
  }

  /** One entry of a pool. */
  public record Entry(StateSpec.Entry spec, long address, long slots) {
    public static Entry of(HostState state, String name, int layer) {
      StateSpec.Entry e = state.spec().entry(name, layer);
      int index = state.spec().entries().indexOf(e);
      return new Entry(e, state.entry(index).address(), state.numSlots());
    }

    /** Elements of a slot. */
    public long width() {
      return spec.bytesPerSlot() / spec.dtype().bytes();
    }

    public int dtype() {
      return spec.dtype().ordinal();
    }
  }

  private static final class Entries {
    private final Entry first;
    private final Entry second;

    Entries(Entry first, Entry second) {
      this.first = first;
      this.second = second;
    }
  }

  private static Entries keysAndValues(HostState state, int layer) {
    return new Entries(Entry.of(state, "k", layer), Entry.of(state, "v", layer));
  }

  Kernel append(CompositeOp.KvAppend op) {
    long any = grid.function("attention", "kv_append");
    long eight = grid.function("attention", "kv_append_eight");
    DistinctIndices distinct = new DistinctIndices(grid, GridDevice.Checked.KV_APPEND);
    return args -> {
      Entries e = keysAndValues(args.state(0), op.layer());
      Tensor k = args.in(1);
      Tensor v = args.in(2);
      Tensor slots = args.in(3);
      distinct.check(args, slots, e.first.slots);
      Params p = grid.params().address(k).address(v).address(slots);
      p.address(e.first.address).address(e.second.address).i64(slots.size(0)).i64(e.first.slots);
      grid.fault(p, args.debug(), GridDevice.Checked.KV_APPEND);
      p.i32(e.first.width()).i32(e.second.width()).i32(k.dtype().ordinal());
      p.i32(v.dtype().ordinal()).i32(e.first.dtype()).i32(e.second.dtype());
      long width = e.first.width() + e.second.width();
      long begins = Params.addressOf(k) | Params.addressOf(v) | e.first.address | e.second.address;
      boolean whole = e.first.width() % 8 == 0 && e.second.width() % 8 == 0 && begins % 16 == 0;
      grid.launchOver(whole ? eight : any, slots.size(0) * (whole ? width / 8 : width), 256);
    };
  }

  /** Whole slots of one entry to or from a tensor, by their slots. */
  private void rows(
      long kernel,
      long from,
      long to,
      Tensor slots,
      Entry entry,
      boolean debug,
      GridDevice.Checked op) {
    long bytes = entry.spec.bytesPerSlot();
    int unit = (int) Math.min(16, Long.lowestOneBit(bytes | from | to));
    Params p = grid.params().address(from).address(slots).address(to).i64(1).i64(entry.slots);
    p.i64(slots.elements()).i64(bytes / unit);
    grid.fault(p, debug, op).i32(slots.dtype().ordinal()).i32(unit);
    grid.launchOver(kernel, slots.elements() * (bytes / unit), 256);
  }

  Kernel export(CompositeOp.StateExport op) {
    long kernel = grid.function("move", "gather_rows");
    return args -> {
      Entry e = Entry.of(args.state(0), op.entry(), op.layer());
      long to = Params.addressOf(args.out(0));
      rows(kernel, e.address, to, args.in(1), e, args.debug(), GridDevice.Checked.GATHER);
    };
  }

  Kernel insert(CompositeOp.StateImport op) {
    long kernel = grid.function("move", "scatter_rows");
    return args -> {
      Entry e = Entry.of(args.state(0), op.entry(), op.layer());
      long from = Params.addressOf(args.in(1));
      rows(kernel, from, e.address, args.in(2), e, args.debug(), GridDevice.Checked.SCATTER);
    };
  }

  /** All reads come before all writes: through scratch. */
  Kernel copy() {
    long gather = grid.function("move", "gather_rows");
    long scatter = grid.function("move", "scatter_pairs");
    return args -> {
      HostState state = args.state(0);
      Tensor src = args.in(1);
      Tensor dst = args.in(2);
      for (StateSpec.Entry spec : state.spec().entries()) {
        Entry e = Entry.of(state, spec.name(), spec.layer());
        long bytes = spec.bytesPerSlot();
        long scratch = grid.scratch(Math.max(1, bytes * src.elements()));
        rows(gather, e.address, scratch, src, e, args.debug(), GridDevice.Checked.GATHER);
        int unit = (int) Math.min(16, Long.lowestOneBit(bytes | e.address));
        Params p = grid.params().address(scratch).address(src).address(dst).address(e.address);
        p.i64(e.slots).i64(src.elements()).i64(bytes / unit);
        grid.fault(p, args.debug(), GridDevice.Checked.SCATTER).i32(unit);
        grid.launchOver(scatter, src.elements() * (bytes / unit), 256);
      }
    };
  }
}
