package dev.lamina.backend.reference.mutant;

import dev.lamina.spi.BackendException;
import dev.lamina.spi.Buffer;
import dev.lamina.spi.Cap;
import dev.lamina.spi.Command;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.DeviceInfo;
import dev.lamina.spi.DeviceStats;
import dev.lamina.spi.Executable;
import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.Lowering;
import dev.lamina.spi.MemoryKind;
import dev.lamina.spi.OpSpec;
import dev.lamina.spi.OutOfDeviceMemory;
import dev.lamina.spi.Queue;
import dev.lamina.spi.Support;
import dev.lamina.spi.View;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Layout;
import dev.lamina.spi.ir.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/** Memory, copies, lifecycles, errors and declared capabilities. */
final class DeviceMutants {
  private DeviceMutants() {}

  static void addTo(MutantList list) {
    list.area("copies", "buffer/*");
    copies(list);
    transfers(list);
    list.area("lifecycle", "lifetime/*", "compile/*", "buffer/*");
    leaks(list);
    closes(list);
    list.area("errors", "buffer/*out-of-memory*", "state/*out-of-memory*", "lifetime/*");
    errors(list);
    list.area(
        "capabilities",
        "compile/*",
        "provider/*",
        "queue/*",
        "capture/*",
        "buffer/*",
        "neg/*",
        "rms_norm/*");
    capabilities(list);
  }

  /** Makes a queue around a right one. */
  private interface Queues {
    FaultyQueue make(Queue right);
  }

  private static void queue(MutantList list, String name, String bug, Queues queues) {
    list.device(
        name,
        bug,
        d ->
            new FaultyDevice(d) {
              @Override
              public Queue newQueue() throws BackendException {
                return queues.make(right.newQueue());
              }
            });
  }

  private static View at(View v, long offset) {
    return new View(v.buffer(), offset, v.type());
  }

  private static boolean fits(View v, long offset) {
    return offset + v.type().byteSize() <= v.buffer().size();
  }

  private static void copies(MutantList list) {
    queue(
        list,
        "copy-source-offset-lost",
        "copies from the buffer's start",
        q ->
            new FaultyQueue(q) {
              @Override
              Command copy(View src, View dst) {
                return super.copy(at(src, 0), dst);
              }
            });
    queue(
        list,
        "copy-target-offset-lost",
        "copies to the buffer's start",
        q ->
            new FaultyQueue(q) {
              @Override
              Command copy(View src, View dst) {
                return super.copy(src, at(dst, 0));
              }
            });
    queue(
        list,
        "copy-as-if-dense",
        "a strided source is read as a dense one",
        q ->
            new FaultyQueue(q) {
              @Override
              Command copy(View src, View dst) {
                boolean strided = src.type().layout() instanceof Layout.Strided;
                TensorType dense =
                    new TensorType(src.type().dtype(), src.type().shape(), Layout.DENSE);
                return super.copy(strided ? new View(src.buffer(), src.offset(), dense) : src, dst);
              }
            });
    queue(
        list,
        "copy-one-byte-late",
        "an odd offset is rounded up",
        q ->
            new FaultyQueue(q) {
              @Override
              Command copy(View src, View dst) {
                long even = dst.offset() + (dst.offset() & 1);
                return super.copy(src, fits(dst, even) ? at(dst, even) : dst);
              }
            });
    queue(
        list,
        "fill-one-byte",
        "a wide pattern's first byte everywhere",
        q ->
            new FaultyQueue(q) {
              @Override
              Command fill(View dst, long pattern, int width) {
                boolean right = width == 1 || width == 3 || dst.type().byteSize() % width != 0;
                return right ? super.fill(dst, pattern, width) : super.fill(dst, pattern, 1);
              }
            });
    queue(
        list,
        "fill-pattern-in-32-bits",
        "the high half of a wide pattern is lost",
        q ->
            new FaultyQueue(q) {
              @Override
              Command fill(View dst, long pattern, int width) {
                return super.fill(dst, pattern & 0xFFFFFFFFL, width);
              }
            });
  }

  private static void transfers(MutantList list) {
    queue(
        list,
        "upload-offset-lost",
        "uploads to the buffer's start",
        q ->
            new FaultyQueue(q) {
              @Override
              Command upload(Command.Upload c) {
                return new Command.Upload(c.src(), at(c.dst(), 0));
              }
            });
    queue(
        list,
        "download-offset-lost",
        "downloads from the buffer's start",
        q ->
            new FaultyQueue(q) {
              @Override
              Command download(Command.Download c) {
                return new Command.Download(at(c.src(), 0), c.dst());
              }
            });
    queue(
        list,
        "upload-any-size",
        "host memory of another size is cut to fit",
        q ->
            new FaultyQueue(q) {
              @Override
              Command upload(Command.Upload c) {
                long want = c.dst().type().byteSize();
                return want < c.src().byteSize()
                    ? new Command.Upload(c.src().asSlice(0, want), c.dst())
                    : c;
              }
            });
    list.device(
        "wrap-host-copies",
        "a wrapped buffer is a copy that stays behind",
        d ->
            new FaultyDevice(d) {
              @Override
              public Buffer wrapHost(MemorySegment segment) throws BackendException {
                if (!segment.isNative()) {
                  return super.wrapHost(segment);
                }
                MemorySegment copy = Arena.ofAuto().allocate(segment.byteSize(), 64);
                copy.copyFrom(segment);
                return super.wrapHost(copy);
              }
            });
    list.device(
        "allocate-short",
        "8 bytes less beyond 256",
        d ->
            new FaultyDevice(d) {
              @Override
              public Buffer allocate(long bytes, MemoryKind kind) throws BackendException {
                return super.allocate(bytes > 256 && bytes < 1L << 40 ? bytes - 8 : bytes, kind);
              }
            });
    list.device(
        "allocate-kind-lost",
        "all memory is device memory",
        d ->
            new FaultyDevice(d) {
              @Override
              public Buffer allocate(long bytes, MemoryKind kind) throws BackendException {
                return super.allocate(bytes, MemoryKind.DEVICE);
              }
            });
  }

  private static DeviceStats more(DeviceStats s, long bytes, long objects) {
    return new DeviceStats(
        s.liveBytes() + bytes, s.liveObjects() + objects, s.compiles(), s.submits(), s.replays());
  }

  private static void leaks(MutantList list) {
    list.device(
        "leak-bytes-a-compile",
        "64 bytes leak with each compile",
        d ->
            new FaultyDevice(d) {
              @Override
              public DeviceStats stats() {
                return more(right.stats(), 64 * right.stats().compiles(), 0);
              }
            });
    list.device(
        "leak-object-a-compile",
        "an object leaks with each compile",
        d ->
            new FaultyDevice(d) {
              @Override
              public DeviceStats stats() {
                return more(right.stats(), 0, right.stats().compiles());
              }
            });
    list.device(
        "leak-a-submit",
        "an object leaks with each ten submits",
        d ->
            new FaultyDevice(d) {
              @Override
              public DeviceStats stats() {
                return more(right.stats(), 0, right.stats().submits() / 10);
              }
            });
    list.device(
        "leak-bytes-a-buffer",
        "a buffer's bytes stay counted",
        d ->
            new FaultyDevice(d) {
              private long leaked;

              @Override
              public Buffer allocate(long bytes, MemoryKind kind) throws BackendException {
                return new FaultyMemory.OfBuffer(this, right.allocate(bytes, kind)) {
                  @Override
                  public void close() {
                    leaked += right.alive() ? right.size() : 0;
                    super.close();
                  }
                };
              }

              @Override
              public DeviceStats stats() {
                return more(right.stats(), leaked, 0);
              }
            });
    list.device(
        "leak-executable",
        "a closed executable stays alive",
        d ->
            new FaultyDevice(d) {
              @Override
              public Executable compile(Graph graph, CompileOptions options)
                  throws BackendException {
                return new FaultyExecutable(right.compile(graph, options)) {
                  @Override
                  public void close() {}
                };
              }
            });
  }

  private static void closes(MutantList list) {
    list.device(
        "close-twice-throws",
        "a buffer's second close throws",
        d ->
            new FaultyDevice(d) {
              @Override
              public Buffer allocate(long bytes, MemoryKind kind) throws BackendException {
                return new FaultyMemory.OfBuffer(this, right.allocate(bytes, kind)) {
                  @Override
                  public void close() {
                    if (!right.alive()) {
                      throw new IllegalStateException("close: the buffer is closed");
                    }
                    super.close();
                  }
                };
              }
            });
    list.device(
        "close-frees-in-use",
        "memory goes while work that needs it waits",
        d ->
            new FaultyDevice(d) {
              @Override
              public Buffer allocate(long bytes, MemoryKind kind) throws BackendException {
                return new FaultyMemory.OfBuffer(this, right.allocate(bytes, kind)) {
                  @Override
                  public void close() {
                    if (right.alive()) {
                      right.host().orElseThrow().fill((byte) 0xA5);
                    }
                    super.close();
                  }
                };
              }
            });
    list.device(
        "close-with-children",
        "a device closes with children alive",
        d ->
            new FaultyDevice(d) {
              @Override
              public void close() {
                try {
                  super.close();
                } catch (IllegalStateException e) {
                  // The bug: what lives is forgotten.
                  return;
                }
              }
            });
    list.device(
        "use-after-close",
        "a closed buffer still gives its memory",
        d ->
            new FaultyDevice(d) {
              @Override
              public Buffer allocate(long bytes, MemoryKind kind) throws BackendException {
                return new FaultyMemory.OfBuffer(this, right.allocate(bytes, kind)) {
                  @Override
                  public void close() {
                    // The bug: memory stays until the device goes.
                  }
                };
              }
            });
    list.device(
        "alive-after-close",
        "a closed buffer says that it is alive",
        d ->
            new FaultyDevice(d) {
              @Override
              public Buffer allocate(long bytes, MemoryKind kind) throws BackendException {
                return new FaultyMemory.OfBuffer(this, right.allocate(bytes, kind)) {
                  @Override
                  public boolean alive() {
                    return true;
                  }
                };
              }
            });
  }

  private static void errors(MutantList list) {
    list.device(
        "oom-leaves-an-allocation",
        "out of memory leaves half of it allocated",
        d ->
            new FaultyDevice(d) {
              private long left;

              @Override
              public Buffer allocate(long bytes, MemoryKind kind) throws BackendException {
                try {
                  return super.allocate(bytes, kind);
                } catch (OutOfDeviceMemory e) {
                  left += 4096;
                  throw e;
                }
              }

              @Override
              public DeviceStats stats() {
                return more(right.stats(), left, 0);
              }
            });
    list.device(
        "oom-is-another-error",
        "out of memory is an invalid program",
        d ->
            new FaultyDevice(d) {
              @Override
              public Buffer allocate(long bytes, MemoryKind kind) throws BackendException {
                try {
                  return super.allocate(bytes, kind);
                } catch (OutOfDeviceMemory e) {
                  throw new InvalidProgram("allocate: no memory", e);
                }
              }
            });
    list.device(
        "oom-kills-the-device",
        "nothing is allocated after an out of memory",
        d ->
            new FaultyDevice(d) {
              private boolean dead;

              @Override
              public Buffer allocate(long bytes, MemoryKind kind) throws BackendException {
                if (dead) {
                  throw new OutOfDeviceMemory("allocate: no memory");
                }
                try {
                  return super.allocate(bytes, kind);
                } catch (OutOfDeviceMemory e) {
                  dead = true;
                  throw e;
                }
              }
            });
    list.device(
        "oom-in-two-lines",
        "a message of two lines",
        d ->
            new FaultyDevice(d) {
              @Override
              public Buffer allocate(long bytes, MemoryKind kind) throws BackendException {
                try {
                  return super.allocate(bytes, kind);
                } catch (OutOfDeviceMemory e) {
                  throw new OutOfDeviceMemory(e.getMessage() + "\nstack of the driver");
                }
              }
            });
  }

  private static DeviceInfo with(DeviceInfo i, Set<Cap> caps) {
    return new DeviceInfo(
        i.ordinal(), i.name(), i.arch(), i.memory(), i.limits(), i.dtypes(), caps, i.peak());
  }

  private static void caps(MutantList list, String name, String bug, Cap cap) {
    list.device(
        name,
        bug,
        d ->
            new FaultyDevice(d) {
              @Override
              public DeviceInfo info() {
                Set<Cap> caps = EnumSet.copyOf(right.info().caps());
                if (!caps.remove(cap)) {
                  caps.add(cap);
                }
                return with(right.info(), caps);
              }
            });
  }

  private static void capabilities(MutantList list) {
    caps(list, "cap-capture-hidden", "records, but does not declare it", Cap.CAPTURE);
    caps(list, "cap-run-to-run-hidden", "gives a guarantee undeclared", Cap.RUN_TO_RUN);
    caps(list, "cap-host-map-hidden", "gives host access undeclared", Cap.HOST_MAP);
    list.device(
        "supports-never",
        "answers that it decomposes a core op",
        d ->
            new FaultyDevice(d) {
              @Override
              public Support supports(OpSpec op) {
                return new Support.Decompose("not today");
              }
            });
    list.device(
        "lowering-hidden",
        "does not say which kernels run",
        d ->
            new FaultyDevice(d) {
              @Override
              public Executable compile(Graph graph, CompileOptions options)
                  throws BackendException {
                return new FaultyExecutable(right.compile(graph, options)) {
                  @Override
                  public List<Lowering> lowering() {
                    return List.of();
                  }
                };
              }
            });
    list.device(
        "stats-do-not-count",
        "compiles are not counted",
        d ->
            new FaultyDevice(d) {
              @Override
              public DeviceStats stats() {
                DeviceStats s = right.stats();
                return new DeviceStats(s.liveBytes(), s.liveObjects(), 0, s.submits(), s.replays());
              }
            });
    list.device(
        "force-decompose-ignored",
        "options are not looked at",
        d ->
            new FaultyDevice(d) {
              @Override
              public Executable compile(Graph graph, CompileOptions options)
                  throws BackendException {
                return super.compile(graph, CompileOptions.DEFAULT);
              }
            });
    list.device(
        "workspace-unbounded",
        "the workspace is -1 bytes",
        d ->
            new FaultyDevice(d) {
              @Override
              public Executable compile(Graph graph, CompileOptions options)
                  throws BackendException {
                return new FaultyExecutable(right.compile(graph, options)) {
                  @Override
                  public long workspaceBytes(long[] values) {
                    return -1;
                  }
                };
              }
            });
  }
}
