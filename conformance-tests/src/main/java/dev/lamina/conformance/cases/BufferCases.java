package dev.lamina.conformance.cases;

import dev.lamina.conformance.Check;
import dev.lamina.conformance.Outcome;
import dev.lamina.conformance.Rule;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.Buffer;
import dev.lamina.spi.Cap;
import dev.lamina.spi.Command;
import dev.lamina.spi.Device;
import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.MemoryKind;
import dev.lamina.spi.OutOfDeviceMemory;
import dev.lamina.spi.View;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Layout;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** Memory: allocation, copies, fills, uploads, downloads, host access, exhaustion. */
final class BufferCases {
  private BufferCases() {}

  static void addTo(CaseList list) {
    allocation(list);
    transfers(list);
    copies(list);
    fills(list);
    host(list);
    refusals(list);
    exhaustion(list);
  }

  private static void allocation(CaseList list) {
    for (MemoryKind kind : MemoryKind.values()) {
      for (long bytes : new long[] {0, 1, 257, 1 << 20}) {
        list.lifecycle(
            "buffer",
            "allocate," + ElementwiseCases.name(kind) + "," + bytes,
            Rule.STRUCTURE,
            Opened.device(d -> {
              try (Buffer b = d.allocate(bytes, kind)) {
                Check.equal("size", bytes, b.size());
                Check.equal("kind", kind, b.kind());
                Check.that(b.device() == d, "device: expected the one that allocated");
                Check.that(b.alive(), "alive: expected true");
              }
            }));
      }
    }
  }

  private static byte[] ramp(int n) {
    byte[] bytes = new byte[n];
    for (int i = 0; i < n; i++) {
      bytes[i] = (byte) (31 * i + 7);
    }
    return bytes;
  }

  private static void expect(String what, byte[] expected, byte[] got) {
    int at = Arrays.mismatch(expected, got);
    Check.that(
        at < 0,
        "%s: expected byte %d of %d to be %s, got %s",
        what,
        at,
        expected.length,
        at < 0 || at >= expected.length ? "-" : expected[at],
        at < 0 || at >= got.length ? "-" : got[at]);
  }

  private static void transfers(CaseList list) {
    for (int bytes : new int[] {0, 1, 3, 255, 4096, 1_000_003}) {
      list.lifecycle(
          "buffer",
          "upload-then-download," + bytes,
          Rule.STRUCTURE,
          Opened.rig(r -> expect("download", ramp(bytes), r.download(r.buffer(ramp(bytes))))));
    }
    list.lifecycle(
        "buffer",
        "upload-and-download-at-an-offset",
        Rule.STRUCTURE,
        Opened.rig(r -> {
          Buffer b = r.buffer(new byte[64]);
          try (Arena arena = Arena.ofShared()) {
            MemorySegment three = arena.allocate(3);
            three.copyFrom(MemorySegment.ofArray(new byte[] {1, 2, 3}));
            View part = new View(b, 29, TensorType.of(DType.U8, 3));
            r.run(new Command.Upload(three, part));
            byte[] expected = new byte[64];
            expected[29] = 1;
            expected[30] = 2;
            expected[31] = 3;
            expect("whole buffer", expected, r.download(b));
            MemorySegment back = arena.allocate(3);
            r.run(new Command.Download(part, back));
            expect("part", new byte[] {1, 2, 3}, back.toArray(ValueLayout.JAVA_BYTE));
          }
        }));
  }

  private static void copies(CaseList list) {
    list.lifecycle(
        "buffer",
        "copy-at-offsets",
        Rule.STRUCTURE,
        Opened.rig(r -> {
          Buffer src = r.buffer(ramp(64));
          Buffer dst = r.buffer(new byte[64]);
          TensorType five = TensorType.of(DType.U8, 5);
          r.run(new Command.Copy(new View(src, 11, five), new View(dst, 42, five)));
          byte[] expected = new byte[64];
          System.arraycopy(ramp(64), 11, expected, 42, 5);
          expect("destination", expected, r.download(dst));
          expect("source", ramp(64), r.download(src));
        }));
    list.lifecycle(
        "buffer", "copy-anywhere", Rule.STRUCTURE, Opened.rig(BufferCases::copyAnywhere));
    list.lifecycle(
        "buffer",
        "copy-within-a-buffer",
        Rule.STRUCTURE,
        Opened.rig(r -> {
          Buffer b = r.buffer(ramp(64));
          TensorType ten = TensorType.of(DType.U8, 10);
          r.run(new Command.Copy(new View(b, 0, ten), new View(b, 50, ten)));
          byte[] expected = ramp(64);
          System.arraycopy(expected, 0, expected, 50, 10);
          expect("buffer", expected, r.download(b));
        }));
    list.lifecycle(
        "buffer",
        "copy-of-nothing",
        Rule.STRUCTURE,
        Opened.rig(r -> {
          TensorType none = TensorType.of(DType.F32, 0, 5);
          r.run(new Command.Copy(new View(r.buffer(0), 0, none), new View(r.buffer(0), 0, none)));
        }));
    for (DType dtype : Dtypes.WIDTHS) {
      list.lifecycle(
          "buffer",
          dtype.text(),
          "copy-transposes",
          Rule.STRUCTURE,
          context -> {
            Opened.rig(r -> transpose(r, dtype)).run(context);
            return Outcome.EXACT;
          });
    }
  }

  /** Every offset of both sides modulo 8, every length up to 17, so that wide moves show. */
  private static void copyAnywhere(Rig r) throws BackendException {
    byte[] content = ramp(64);
    Buffer src = r.buffer(content);
    for (int i = 0; i < 64; i++) {
      int from = i % 8;
      int to = i / 8;
      int length = 1 + i % 17;
      TensorType type = TensorType.of(DType.U8, length);
      Buffer dst = r.buffer(new byte[64]);
      r.run(new Command.Copy(new View(src, 20 + from, type), new View(dst, 30 + to, type)));
      byte[] expected = new byte[64];
      System.arraycopy(content, 20 + from, expected, 30 + to, length);
      expect(
          "%d bytes from %d to %d".formatted(length, 20 + from, 30 + to),
          expected,
          r.download(dst));
    }
  }

  private static void transpose(Rig r, DType dtype) throws BackendException {
    int w = dtype.bytes();
    byte[] content = ramp(3 * 5 * w);
    Buffer src = r.buffer(content);
    Buffer dst = r.buffer(new byte[content.length]);
    TensorType columns = new TensorType(dtype, Shape.of(5, 3), new Layout.Strided(List.of(1L, 5L)));
    TensorType rows = TensorType.of(dtype, 5, 3);
    r.run(new Command.Copy(new View(src, 0, columns), new View(dst, 0, rows)));
    byte[] expected = new byte[content.length];
    for (int i = 0; i < 5; i++) {
      for (int j = 0; j < 3; j++) {
        System.arraycopy(content, (j * 5 + i) * w, expected, (i * 3 + j) * w, w);
      }
    }
    expect("transposed", expected, r.download(dst));
  }

  private static void fills(CaseList list) {
    for (int width : new int[] {1, 2, 4, 8}) {
      list.lifecycle(
          "buffer",
          "fill-width-" + width,
          Rule.STRUCTURE,
          Opened.rig(r -> {
            long pattern = 0x8877665544332211L;
            Buffer b = r.buffer(ramp(80));
            View middle = new View(b, 16, TensorType.of(DType.U8, 48));
            r.run(new Command.Fill(middle, pattern, width));
            byte[] expected = ramp(80);
            for (int i = 0; i < 48; i++) {
              expected[16 + i] = (byte) (pattern >> (8 * (i % width)));
            }
            expect("filled", expected, r.download(b));
          }));
    }
    list.lifecycle(
        "buffer",
        "fill-of-nothing",
        Rule.STRUCTURE,
        Opened.rig(r -> r.run(new Command.Fill(Rig.bytes(r.buffer(0)), 1, 4))));
  }

  private static void host(CaseList list) {
    list.lifecycle(
        "buffer",
        "host-access-as-declared",
        Rule.CAPABILITY,
        Opened.rig(r -> {
          Buffer b = r.buffer(ramp(100));
          Optional<MemorySegment> host = b.host();
          if (!r.device.info().caps().contains(Cap.HOST_MAP)) {
            Check.that(host.isEmpty(), "host: expected none, HOST_MAP is not declared");
            return;
          }
          Check.that(host.isPresent(), "host: expected a segment, HOST_MAP is declared");
          MemorySegment m = host.orElseThrow();
          Check.equal("bytes of the segment", 100L, m.byteSize());
          expect("through the host", ramp(100), m.toArray(ValueLayout.JAVA_BYTE));
          m.set(ValueLayout.JAVA_BYTE, 5, (byte) 99);
          Check.equal("byte the host wrote", (byte) 99, r.download(b)[5]);
        }));
    list.lifecycle(
        "buffer",
        "wrap-host-memory",
        Rule.STRUCTURE,
        Opened.rig(r -> {
          try (Arena arena = Arena.ofShared()) {
            MemorySegment m = arena.allocate(40);
            m.copyFrom(MemorySegment.ofArray(ramp(40)));
            try (Buffer b = r.device.wrapHost(m)) {
              Check.equal("size", 40L, b.size());
              expect("wrapped", ramp(40), r.download(b));
              // Memory that says it is shared is one memory.
              boolean shared = b.kind() == MemoryKind.SHARED;
              m.set(ValueLayout.JAVA_BYTE, 7, (byte) 99);
              Check.equal(
                  "what the host wrote", shared ? 99 : (int) ramp(40)[7], (int) r.download(b)[7]);
            }
          }
        }));
    list.lifecycle(
        "buffer",
        "wrap-heap-memory-is-refused",
        Rule.ERRORS,
        Opened.device(d -> {
          MemorySegment heap = MemorySegment.ofArray(new byte[8]);
          Check.failsWith(Exception.class, "wrapHost", () -> d.wrapHost(heap));
        }));
  }

  private static void refusals(CaseList list) {
    refused(
        list,
        "copy-of-another-shape",
        r ->
            new Command.Copy(
                new View(r.buffer(16), 0, TensorType.of(DType.U8, 16)),
                new View(r.buffer(16), 0, TensorType.of(DType.U8, 4, 4))));
    refused(
        list,
        "copy-of-another-dtype",
        r ->
            new Command.Copy(
                new View(r.buffer(16), 0, TensorType.of(DType.F32, 4)),
                new View(r.buffer(16), 0, TensorType.of(DType.I32, 4))));
    refused(
        list,
        "copy-past-the-end",
        r ->
            new Command.Copy(
                new View(r.buffer(16), 8, TensorType.of(DType.U8, 9)),
                new View(r.buffer(16), 0, TensorType.of(DType.U8, 9))));
    refused(
        list,
        "fill-past-the-end",
        r -> new Command.Fill(new View(r.buffer(16), 9, TensorType.of(DType.U8, 8)), 0, 1));
    refused(list, "fill-of-width-3", r -> new Command.Fill(Rig.bytes(r.buffer(12)), 0, 3));
    for (int host : new int[] {15, 17}) {
      String kind = host < 16 ? "less" : "more";
      refused(
          list,
          "upload-of-" + kind,
          r -> new Command.Upload(Arena.ofAuto().allocate(host), Rig.bytes(r.buffer(16))));
      refused(
          list,
          "download-to-" + kind,
          r -> new Command.Download(Rig.bytes(r.buffer(16)), Arena.ofAuto().allocate(host)));
    }
  }

  /** Makes a command that must be refused at submit. */
  @FunctionalInterface
  private interface Bad {
    Command make(Rig rig) throws BackendException;
  }

  private static void refused(CaseList list, String name, Bad bad) {
    list.lifecycle(
        "buffer",
        "refused," + name,
        Rule.ERRORS,
        Opened.rig(r -> {
          Command command = bad.make(r);
          Check.failsWith(InvalidProgram.class, name, () -> r.run(command));
        }));
  }

  private static void exhaustion(CaseList list) {
    for (long bytes : new long[] {1L << 50, Long.MAX_VALUE}) {
      list.lifecycle(
          "buffer",
          "out-of-memory," + bytes,
          Rule.ERRORS,
          Opened.rig(r -> outOfMemory(r.device, r, bytes)));
    }
    list.lifecycle(
        "buffer",
        "negative-size-is-refused",
        Rule.ERRORS,
        Opened.device(d ->
            Check.failsWith(
                Exception.class, "allocate(-1)", () -> d.allocate(-1, MemoryKind.DEVICE))));
  }

  private static void outOfMemory(Device device, Rig r, long bytes) throws BackendException {
    long objects = device.stats().liveObjects();
    long live = device.stats().liveBytes();
    OutOfDeviceMemory e =
        Check.failsWith(
            OutOfDeviceMemory.class,
            "allocate " + bytes,
            () -> device.allocate(bytes, MemoryKind.DEVICE));
    Check.that(e.deviceUsable(), "out of memory: expected a usable device");
    Check.equal("live objects", objects, device.stats().liveObjects());
    Check.equal("live bytes", live, device.stats().liveBytes());
    expect("a small buffer afterwards", ramp(9), r.download(r.buffer(ramp(9))));
  }
}
