package dev.lamina.models;

import dev.lamina.spi.BackendException;
import dev.lamina.spi.Bindings;
import dev.lamina.spi.Buffer;
import dev.lamina.spi.Command;
import dev.lamina.spi.Device;
import dev.lamina.spi.Executable;
import dev.lamina.spi.MemoryKind;
import dev.lamina.spi.Points;
import dev.lamina.spi.Queue;
import dev.lamina.spi.State;
import dev.lamina.spi.Timeline;
import dev.lamina.spi.View;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.StepSlots;
import dev.lamina.spi.ir.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Runs one sequence through a loaded model by binding every slot of a step by hand. Its pages lie
 * backwards in the pool, so that a graph that ignored the block table would show.
 */
final class StepRunner implements AutoCloseable {
  private static final int PAGES = 16;
  private static final int STATE_SLOTS = 3;

  private final LoadedModel model;
  private final Device device;
  private final Executable exe;
  private final List<State> pools = new ArrayList<>();
  private final @Nullable State recurrent;
  private final Queue queue;
  private final Timeline timeline;
  private final int page;
  private final int vocab;
  private final int hidden;
  private int numSteps;
  private long now;

  StepRunner(LoadedModel model) throws BackendException {
    this.model = model;
    this.device = model.device();
    this.exe = model.executable();
    this.page = model.plan().options().slotsPerPage();
    for (StateSpec spec : model.plan().pools()) {
      pools.add(device.allocateState(device.chooseStateLayout(spec), (long) PAGES * page));
    }
    StateSpec kept = model.plan().recurrentPool();
    this.recurrent =
        kept == null ? null : device.allocateState(device.chooseStateLayout(kept), STATE_SLOTS);
    this.queue = device.newQueue();
    this.timeline = device.newTimeline(0);
    this.vocab = model.plan().checkpoint().architecture().shape().vocabSize();
    this.hidden = model.plan().checkpoint().architecture().shape().hiddenSize();
  }

  /** Logits after each token, row-major {@code [ids.length, V]}, fed so many tokens a step. */
  float[] logits(int[] ids, int chunk) throws BackendException {
    float[] all = new float[ids.length * vocab];
    for (int begin = 0; begin < ids.length; begin += chunk) {
      int count = Math.min(chunk, ids.length - begin);
      float[] rows = step(ids, begin, count);
      System.arraycopy(rows, 0, all, begin * vocab, rows.length);
    }
    return all;
  }

  private float[] step(int[] ids, int begin, int count) throws BackendException {
    int end = begin + count;
    int pages = (end + page - 1) / page;
    List<Buffer> buffers = new ArrayList<>();
    try (Arena arena = Arena.ofConfined()) {
      Bindings b = model.newBindings();
      input(b, buffers, arena, StepSlots.TOKEN_IDS, range(begin, end).map(i -> ids[i]), count);
      input(b, buffers, arena, StepSlots.POSITIONS, range(begin, end), 1, count);
      input(b, buffers, arena, StepSlots.CU_SEQLENS_Q, IntStream.of(0, count), 2);
      input(b, buffers, arena, StepSlots.KV_LENS, IntStream.of(end), 1);
      input(b, buffers, arena, StepSlots.LOGITS_INDICES, range(0, count), count);
      if (exe.slots().stream().anyMatch(s -> s.name().equals(StepSlots.CONTEXT_LIMITS))) {
        IntStream limits = range(begin, end).map(i -> ids.length);
        input(b, buffers, arena, StepSlots.CONTEXT_LIMITS, limits, count);
      }
      for (int g = 0; g < pools.size(); g++) {
        b.state(exe.slot(StepSlots.kvPool(g)), pools.get(g));
        IntStream slots = range(begin, end).map(this::slot);
        input(b, buffers, arena, StepSlots.slotMapping(g), slots, count);
        IntStream table = range(0, pages).map(p -> PAGES - 1 - p);
        input(b, buffers, arena, StepSlots.blockTable(g), table, 1, pages);
      }
      if (recurrent != null) {
        b.state(exe.slot(StepSlots.RECURRENT), recurrent);
        // From slot to slot, so that a graph that read what it writes would show.
        int read = begin == 0 ? -1 : numSteps % STATE_SLOTS;
        input(b, buffers, arena, StepSlots.STATE_READS, IntStream.of(read), 1);
        int write = ++numSteps % STATE_SLOTS;
        input(b, buffers, arena, StepSlots.STATE_WRITES, IntStream.of(write), 1);
      }
      Buffer outHidden = device.allocate(4L * count * hidden, MemoryKind.SHARED);
      Buffer outLogits = device.allocate(4L * count * vocab, MemoryKind.SHARED);
      buffers.add(outHidden);
      buffers.add(outLogits);
      View logits = new View(outLogits, 0, TensorType.of(DType.F32, count, vocab));
      b.tensor(
          exe.slot(StepSlots.HIDDEN),
          new View(outHidden, 0, TensorType.of(DType.F32, count, hidden)));
      b.tensor(exe.slot(StepSlots.LOGITS), logits);
      dim(b, "T", count);
      dim(b, "S", 1);
      dim(b, "S1", 2);
      dim(b, "P", pages);
      dim(b, "R", count);
      submit(new Command.Run(exe, b));
      MemorySegment host = arena.allocate(4L * count * vocab, 8);
      submit(new Command.Download(logits, host));
      timeline.await(now, Duration.ofMinutes(1));
      return host.toArray(ValueLayout.JAVA_FLOAT);
    } finally {
      buffers.forEach(Buffer::close);
    }
  }

  private static IntStream range(int begin, int end) {
    return IntStream.range(begin, end);
  }

  private int slot(int position) {
    return (PAGES - 1 - position / page) * page + position % page;
  }

  private void input(
      Bindings b, List<Buffer> buffers, Arena arena, String name, IntStream values, long... sizes)
      throws BackendException {
    MemorySegment host = arena.allocateFrom(ValueLayout.JAVA_INT, values.toArray());
    Buffer buffer = device.allocate(host.byteSize(), MemoryKind.SHARED);
    buffers.add(buffer);
    View view = new View(buffer, 0, TensorType.of(DType.I32, sizes));
    b.tensor(exe.slot(name), view);
    submit(new Command.Upload(host, view));
    timeline.await(now, Duration.ofMinutes(1));
  }

  private void dim(Bindings b, String name, long value) throws BackendException {
    // A model without keys and values has no pages.
    if (exe.dims().indexOf(name) >= 0) {
      b.dim(exe.dims().indexOf(name), value);
    }
  }

  private void submit(Command command) throws BackendException {
    queue.submit(Points.none(), command, Points.of(timeline, ++now));
  }

  @Override
  public void close() {
    queue.close();
    timeline.close();
    pools.forEach(State::close);
    if (recurrent != null) {
      recurrent.close();
    }
  }
}
