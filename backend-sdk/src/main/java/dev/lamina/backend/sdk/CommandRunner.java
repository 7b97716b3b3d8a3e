package dev.lamina.backend.sdk;

import dev.lamina.spi.BackendException;
import dev.lamina.spi.Command;
import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.View;
import dev.lamina.spi.ir.DimTable;
import dev.lamina.spi.ir.GraphException;
import dev.lamina.spi.ir.Layout;
import dev.lamina.spi.ir.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Checks commands at submit and runs them later. */
final class CommandRunner {
  private static final DimTable NO_DIMS = new DimTable(List.of());

  private final HostDevice device;
  private final CommandVisitor check = new Check();
  private final CommandVisitor execute = new Execute();

  CommandRunner(HostDevice device) {
    this.device = device;
  }

  /** Refuses a command that can't run. */
  void check(Command command) throws BackendException {
    check.visit(command);
  }

  /** Runs a command that was checked. */
  void run(Command command) throws BackendException {
    execute.visit(command);
  }

  private final class Check implements CommandVisitor {
    @Override
    public void run(Command.Run c) throws BackendException {
      if (!(c.executable() instanceof HostExecutable e) || e.device() != device) {
        throw new InvalidProgram(
            "submit: expected an executable of "
                + device.fixedInfo().name()
                + ", got another device's");
      }
      if (!(c.bindings() instanceof HostBindings b) || b.executable() != e) {
        throw new InvalidProgram(
            "submit: expected bindings made by the executable, got another's; use newBindings()");
      }
      b.check();
    }

    @Override
    public void copy(Command.Copy c) throws BackendException {
      sized("copy", c.src());
      sized("copy", c.dst());
      TensorType src = c.src().type();
      TensorType dst = c.dst().type();
      if (src.dtype() != dst.dtype() || !src.shape().equals(dst.shape())) {
        throw new InvalidProgram("copy: expected a destination like " + src + ", got " + dst);
      }
    }

    @Override
    public void fill(Command.Fill c) throws BackendException {
      long bytes = dense("fill", c.dst());
      int w = c.width();
      if (w != 1 && w != 2 && w != 4 && w != 8 || bytes % w != 0) {
        throw new InvalidProgram(
            "fill: expected a width of 1, 2, 4 or 8 bytes that divides %d, got %d"
                .formatted(bytes, w));
      }
    }

    @Override
    public void upload(Command.Upload c) throws BackendException {
      host("upload", c.src(), dense("upload", c.dst()));
    }

    @Override
    public void download(Command.Download c) throws BackendException {
      host("download", c.dst(), dense("download", c.src()));
    }

    @Override
    public void replay(Command.Replay c) throws BackendException {
      if (!(c.recording() instanceof HostRecording r) || r.device() != device) {
        throw new InvalidProgram(
            "replay: expected a recording of "
                + device.fixedInfo().name()
                + ", got another device's");
      }
      r.checkOpen("replay");
      for (Command inner : r.commands()) {
        visit(inner);
      }
    }

    private void host(String what, MemorySegment segment, long bytes) throws InvalidProgram {
      if (segment.byteSize() != bytes) {
        throw new InvalidProgram(
            "%s: expected host memory of %d bytes, got %d"
                .formatted(what, bytes, segment.byteSize()));
      }
      if (!segment.scope().isAlive()) {
        throw new InvalidProgram(
            what + ": expected live host memory, got a closed segment; keep its arena open");
      }
    }
  }

  private HostBuffer buffer(String what, View view) throws InvalidProgram {
    if (!(view.buffer() instanceof HostBuffer b) || b.device() != device) {
      throw new InvalidProgram(
          what + ": expected a buffer of " + device.fixedInfo().name() + ", got another device's");
    }
    b.checkOpen(what);
    return b;
  }

  private long sized(String what, View view) throws InvalidProgram {
    HostBuffer b = buffer(what, view);
    long bytes;
    try {
      bytes = view.type().byteSize();
    } catch (GraphException e) {
      throw new InvalidProgram(what + ": expected constant dims, got " + view.type(), e);
    }
    if (bytes > b.size() - view.offset()) {
      throw new InvalidProgram(
          "%s: expected %d bytes from offset %d, got a buffer of %d bytes"
              .formatted(what, bytes, view.offset(), b.size()));
    }
    return bytes;
  }

  private long dense(String what, View view) throws InvalidProgram {
    if (view.type().layout() instanceof Layout.Strided) {
      throw new InvalidProgram(what + ": expected a dense view, got " + view.type());
    }
    return sized(what, view);
  }

  private static MemorySegment bytes(View view) {
    HostBuffer b = (HostBuffer) view.buffer();
    return b.segment().asSlice(view.offset(), view.type().byteSize());
  }

  private static Tensor tensor(View view) {
    TensorType t = view.type();
    long[] sizes = NO_DIMS.resolve(t.shape(), new long[0]);
    Tensor tensor = new Tensor(t.dtype(), t.layout(), sizes.length);
    if (t.layout() instanceof Layout.Strided s) {
      tensor.shape(sizes, s.strides().stream().mapToLong(Long::longValue).toArray());
    } else {
      tensor.shape(sizes);
    }
    tensor.bind(((HostBuffer) view.buffer()).segment(), view.offset());
    return tensor;
  }

  private final class Execute implements CommandVisitor {
    @Override
    public void run(Command.Run c) throws BackendException {
      if (c.bindings() instanceof HostBindings b) {
        KernelProvider provider = device.provider();
        provider.beginRun();
        try {
          b.run();
        } finally {
          provider.endRun();
        }
      }
    }

    @Override
    public void copy(Command.Copy c) {
      if (c.src().type().isBlocked()) {
        device.space().copy(bytes(c.src()), bytes(c.dst()));
      } else {
        device.provider().movement().copy(tensor(c.src()), tensor(c.dst()));
      }
    }

    @Override
    public void fill(Command.Fill c) {
      device.space().fill(bytes(c.dst()), c.pattern(), c.width());
    }

    @Override
    public void upload(Command.Upload c) {
      device.space().upload(c.src(), bytes(c.dst()));
    }

    @Override
    public void download(Command.Download c) {
      device.space().download(bytes(c.src()), c.dst());
    }

    @Override
    public void replay(Command.Replay c) throws BackendException {
      if (c.recording() instanceof HostRecording r) {
        device.ledger().replayed();
        List<Command> commands = r.commands();
        for (int i = 0; i < commands.size(); i++) {
          visit(commands.get(i));
        }
      }
    }
  }
}
