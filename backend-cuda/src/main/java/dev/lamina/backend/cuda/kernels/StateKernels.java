package dev.lamina.backend.cuda.kernels;

import dev.lamina.backend.cuda.driver.CudaException;
import dev.lamina.backend.cuda.gpu.Failures;
import dev.lamina.backend.cuda.gpu.Gpu;
import dev.lamina.backend.cuda.gpu.Params;
import dev.lamina.backend.sdk.HostState;
import dev.lamina.backend.sdk.Kernel;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.StateSpec;
import org.jspecify.annotations.Nullable;

/** The composites that read or write a pool in the dense layout. */
final class StateKernels {
  private static final int ATTENTION_THREADS = 128;
  private static final int MAX_GRID_Y = 65535;

  /** Of the set of positions that a block keeps in shared memory: 256 Ki positions. */
  private static final int MAX_SEEN_WORDS = 8192;

  private final Gpu gpu;

  StateKernels(Gpu gpu) {
    this.gpu = gpu;
  }

  /** One entry of a pool. */
  record Entry(StateSpec.Entry spec, long address, long slots) {
    static Entry of(HostState state, String name, int layer) {
      StateSpec.Entry e = state.spec().entry(name, layer);
      int index = state.spec().entries().indexOf(e);
      return new Entry(e, state.entry(index).address(), state.numSlots());
    }

    /** Elements of a slot. */
    long width() {
      return spec.bytesPerSlot() / spec.dtype().bytes();
    }

    int dtype() {
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
    long kernel = gpu.function("attention", "kv_append");
    long distinct = gpu.function("move", "check_distinct");
    return args -> {
      Entries e = keysAndValues(args.state(0), op.layer());
      Tensor k = args.in(1);
      Tensor v = args.in(2);
      Tensor slots = args.in(3);
      if (args.debug()) {
        checkDistinct(distinct, args, slots, e.first.slots);
      }
      Params p = gpu.params().address(k).address(v).address(slots);
      p.i64(e.first.address).i64(e.second.address).i64(slots.size(0)).i64(e.first.slots);
      gpu.fault(p, args.debug(), Gpu.Checked.KV_APPEND);
      p.i32(e.first.width()).i32(e.second.width()).i32(k.dtype().ordinal());
      p.i32(v.dtype().ordinal()).i32(e.first.dtype()).i32(e.second.dtype());
      gpu.launchOver(kernel, slots.size(0) * (e.first.width() + e.second.width()), 256);
    };
  }

  private void checkDistinct(long kernel, KernelArgs args, Tensor slots, long limit) {
    long seen = gpu.scratch(4 * Math.max(1, limit));
    try {
      gpu.driver().memsetD32Async(seen, 0, Math.max(1, limit), gpu.stream());
    } catch (CudaException e) {
      throw Failures.unchecked("kv_append", e);
    }
    Params p = gpu.params().address(slots).i64(seen).i64(limit).i64(slots.elements());
    gpu.fault(p, args.debug(), Gpu.Checked.KV_APPEND).i32(slots.dtype().ordinal());
    gpu.launchOver(kernel, slots.elements(), 256);
  }

  Kernel attention(CompositeOp.PagedAttention op) {
    Attention attention = new Attention();
    return args -> {
      HostState state = args.state(1);
      Entries e = keysAndValues(state, op.layer());
      int next = 5;
      Tensor none = null;
      attention.sinks = op.sinks() ? args.in(next++) : none;
      attention.alibi = op.alibi() ? args.in(next) : none;
      attention.select = none;
      attention.causal = op.causal();
      attention.window = op.window();
      attention.chunk = op.chunk();
      attention.softcap = op.softcap();
      attention.scale = op.scale();
      attention.kvHeads = e.first.spec.shape().getFirst();
      attention.keyWidth = e.first.spec.shape().getLast();
      attention.valueWidth = e.second.spec.shape().getLast();
      attention.run(args, state, e.first, e.second);
    };
  }

  Kernel latentAttention(CompositeOp.MlaAttention op) {
    Attention attention = new Attention();
    return args -> {
      HostState state = args.state(1);
      Entry latent = Entry.of(state, "latent", op.layer());
      attention.select = op.selected() ? args.in(5) : null;
      attention.causal = true;
      attention.scale = op.scale();
      attention.kvHeads = 1;
      attention.keyWidth = latent.spec.shape().getLast();
      attention.valueWidth = op.rank();
      attention.run(args, state, latent, latent);
    };
  }

  /** One node's attention; written anew each run, on the thread that runs it. */
  private final class Attention {
    private final long any = gpu.function("attention", "paged_attention_any");
    private @Nullable Tensor sinks;
    private @Nullable Tensor alibi;
    private @Nullable Tensor select;
    private boolean causal;
    private long window;
    private long chunk;
    private double softcap;
    private double scale;
    private long kvHeads;
    private long keyWidth;
    private long valueWidth;

    private static long address(@Nullable Tensor t) {
      return t == null ? 0 : Params.addressOf(t);
    }

    private static int dtype(@Nullable Tensor t) {
      return t == null ? 0 : t.dtype().ordinal();
    }

    void run(KernelArgs args, HostState state, Entry keys, Entry values) {
      Tensor q = args.in(0);
      Tensor out = args.out(0);
      long tokens = q.size(0);
      long heads = q.size(1);
      Params p = gpu.params().address(q).i64(keys.address).i64(values.address);
      p.address(args.in(2)).address(args.in(3)).address(args.in(4));
      p.i64(address(sinks)).i64(address(alibi)).i64(address(select)).address(out);
      p.i64(tokens).i64(window).i64(chunk).i64(keys.width()).i64(values.width());
      p.i32(args.in(3).size(0)).i32(args.in(4).size(1)).i32(state.spec().slotsPerPage());
      p.i32(heads).i32(kvHeads).i32(keyWidth).i32(valueWidth);
      long positions = args.in(4).size(1) * state.spec().slotsPerPage();
      long seenWords = select == null ? 0 : Math.min(MAX_SEEN_WORDS, (positions + 31) / 32);
      p.i32(select == null ? 0 : select.size(1)).i32(seenWords);
      p.i32(causal ? 1 : 0).f32(scale).f32(softcap);
      p.i32(q.dtype().ordinal()).i32(keys.dtype()).i32(values.dtype());
      p.i32(dtype(sinks)).i32(dtype(alibi)).i32(out.dtype().ordinal());
      long floats = keyWidth + ATTENTION_THREADS + 1 & ~1;
      long shared = 4 * floats + 8L * ATTENTION_THREADS + 4 * seenWords;
      long y = Math.min(tokens, MAX_GRID_Y);
      long z = (tokens + MAX_GRID_Y - 1) / MAX_GRID_Y;
      gpu.launch(any, heads, y, z, ATTENTION_THREADS, Math.toIntExact(shared));
    }
  }

  /** Whole slots of one entry to or from a tensor, by their slots. */
  private void rows(
      long kernel, long from, long to, Tensor slots, Entry entry, boolean debug, Gpu.Checked op) {
    long bytes = entry.spec.bytesPerSlot();
    int unit = (int) Math.min(16, Long.lowestOneBit(bytes | from | to));
    Params p = gpu.params().i64(from).address(slots).i64(to).i64(1).i64(entry.slots);
    p.i64(slots.elements()).i64(bytes / unit);
    gpu.fault(p, debug, op).i32(slots.dtype().ordinal()).i32(unit);
    gpu.launchOver(kernel, slots.elements() * (bytes / unit), 256);
  }

  Kernel export(CompositeOp.StateExport op) {
    long kernel = gpu.function("move", "gather_rows");
    return args -> {
      Entry e = Entry.of(args.state(0), op.entry(), op.layer());
      long to = Params.addressOf(args.out(0));
      rows(kernel, e.address, to, args.in(1), e, args.debug(), Gpu.Checked.GATHER);
    };
  }

  Kernel insert(CompositeOp.StateImport op) {
    long kernel = gpu.function("move", "scatter_rows");
    return args -> {
      Entry e = Entry.of(args.state(0), op.entry(), op.layer());
      long from = Params.addressOf(args.in(1));
      rows(kernel, from, e.address, args.in(2), e, args.debug(), Gpu.Checked.SCATTER);
    };
  }

  /** All reads come before all writes: through scratch. */
  Kernel copy() {
    long gather = gpu.function("move", "gather_rows");
    long scatter = gpu.function("move", "scatter_pairs");
    return args -> {
      HostState state = args.state(0);
      Tensor src = args.in(1);
      Tensor dst = args.in(2);
      for (StateSpec.Entry spec : state.spec().entries()) {
        Entry e = Entry.of(state, spec.name(), spec.layer());
        long bytes = spec.bytesPerSlot();
        long scratch = gpu.scratch(Math.max(1, bytes * src.elements()));
        rows(gather, e.address, scratch, src, e, args.debug(), Gpu.Checked.GATHER);
        int unit = (int) Math.min(16, Long.lowestOneBit(bytes | e.address));
        Params p = gpu.params().i64(scratch).address(src).address(dst).i64(e.address);
        p.i64(e.slots).i64(src.elements()).i64(bytes / unit);
        gpu.fault(p, args.debug(), Gpu.Checked.SCATTER).i32(unit);
        gpu.launchOver(scatter, src.elements() * (bytes / unit), 256);
      }
    };
  }

  /** Whether attention has a kernel for a pool's entry of this dtype. */
  static boolean reads(DType dtype) {
    return dtype.isFloat();
  }
}
