package dev.lamina.backend.sdk;

import dev.lamina.spi.OpSpec;
import dev.lamina.spi.Support;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Plain kernels whose launches can be captured as a device would: with the addresses and sizes that
 * they had then, whatever the tensors say later.
 */
final class CapturingKernels implements KernelProvider, RunCapturer, Movement {
  private final PlainKernels plain = new PlainKernels();
  private @Nullable List<Runnable> capturing;

  /** Kernels and copies that ran by themselves. */
  int launches;

  /** Attempts to capture. */
  int captures;

  /** Captured runs that were launched. */
  int replays;

  /** Captured runs that are open. */
  int live;

  /** Memory beside tensors; captured runs of an earlier one must not be launched. */
  int generation;

  /** What the next captures fail with. */
  @Nullable RuntimeException refusal;

  /** What the next launches of captured runs fail with. */
  @Nullable RuntimeException launchFailure;

  private void launch(Runnable work) {
    List<Runnable> graph = capturing;
    if (graph != null) {
      graph.add(work);
    } else {
      launches++;
      work.run();
    }
  }

  private Kernel wrap(Kernel kernel) {
    return args -> {
      if (capturing == null) {
        launches++;
        kernel.run(args);
      } else {
        KernelArgs now = copy(args);
        launch(() -> kernel.run(now));
      }
    };
  }

  private static KernelArgs copy(KernelArgs args) {
    Tensor[] operands = new Tensor[args.numOperands()];
    for (int i = 0; i < operands.length; i++) {
      operands[i] = copy(args.in(i));
    }
    Tensor[] results = new Tensor[args.numResults()];
    for (int i = 0; i < results.length; i++) {
      results[i] = copy(args.out(i));
    }
    return new KernelArgs(operands, new HostState[operands.length], results, args.debug());
  }

  private static Tensor copy(Tensor t) {
    Tensor same = new Tensor(t.dtype(), t.layout(), t.rank());
    long[] sizes = new long[t.rank()];
    long[] strides = new long[t.rank()];
    for (int i = 0; i < sizes.length; i++) {
      sizes[i] = t.size(i);
      strides[i] = t.stride(i);
    }
    same.shape(sizes, strides);
    same.bind(t.segment(), t.offset());
    return same;
  }

  private final class Graph implements CapturedRun {
    private final List<Runnable> nodes;
    private final int made = generation;
    private boolean closed;

    Graph(List<Runnable> nodes) {
      this.nodes = nodes;
      live++;
    }

    @Override
    public void launch() {
      if (closed || !isCurrent()) {
        throw new AssertionError("launched after its memory was freed");
      }
      if (launchFailure != null) {
        throw launchFailure;
      }
      replays++;
      for (int i = 0; i < nodes.size(); i++) {
        nodes.get(i).run();
      }
    }

    @Override
    public boolean isCurrent() {
      return made == generation;
    }

    @Override
    public void close() {
      if (closed) {
        throw new AssertionError("closed twice");
      }
      closed = true;
      live--;
    }
  }

  @Override
  public CapturedRun capture(Runnable kernels) {
    captures++;
    List<Runnable> nodes = new ArrayList<>();
    capturing = nodes;
    try {
      kernels.run();
      if (refusal != null) {
        throw refusal;
      }
      return new Graph(nodes);
    } finally {
      capturing = null;
    }
  }

  @Override
  public Optional<RunCapturer> capturer() {
    return Optional.of(this);
  }

  @Override
  public long bucket(long size, boolean inputsOnly) {
    return inputsOnly ? 10 * size : (size + 3) / 4 * 4;
  }

  @Override
  public KernelChoice choose(OpSpec spec) {
    KernelChoice c = plain.choose(spec);
    return c.support() instanceof Support.Native
        ? new KernelChoice(c.name(), c.support(), c.strided(), node -> wrap(c.kernel().apply(node)))
        : c;
  }

  @Override
  public Kernel elementwise(Expr expr) {
    return wrap(plain.elementwise(expr));
  }

  @Override
  public Movement movement() {
    return this;
  }

  @Override
  public void copy(Tensor src, Tensor dst) {
    Tensor from = copy(src);
    Tensor to = copy(dst);
    launch(() -> HostMoves.INSTANCE.copy(from, to));
  }

  @Override
  public void iota(Tensor out, int axis) {
    Tensor to = copy(out);
    launch(() -> HostMoves.INSTANCE.iota(to, axis));
  }

  @Override
  public Kernel slice(List<Integer> axes, List<Long> steps) {
    return wrap(HostMoves.INSTANCE.slice(axes, steps));
  }

  @Override
  public Kernel update(List<Integer> axes) {
    return wrap(HostMoves.INSTANCE.update(axes));
  }

  @Override
  public long get(Tensor scalar) {
    if (capturing != null) {
      throw new AssertionError("a captured run waits for the device");
    }
    return HostMoves.INSTANCE.get(scalar);
  }

  @Override
  public void set(Tensor scalar, int value) {
    Tensor to = copy(scalar);
    launch(() -> HostMoves.INSTANCE.set(to, value));
  }
}
