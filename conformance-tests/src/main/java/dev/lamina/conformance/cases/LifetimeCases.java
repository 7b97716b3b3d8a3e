package dev.lamina.conformance.cases;

import dev.lamina.conformance.Check;
import dev.lamina.conformance.Context;
import dev.lamina.conformance.Rule;
import dev.lamina.spi.Backend;
import dev.lamina.spi.Bindings;
import dev.lamina.spi.Buffer;
import dev.lamina.spi.Command;
import dev.lamina.spi.Device;
import dev.lamina.spi.DeviceStats;
import dev.lamina.spi.Executable;
import dev.lamina.spi.MemoryKind;
import dev.lamina.spi.Points;
import dev.lamina.spi.Queue;
import dev.lamina.spi.Timeline;
import dev.lamina.spi.View;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.TensorType;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * Parents and children: closing in every order, use after close, retention, nothing left behind.
 */
final class LifetimeCases {
  /** Makes a child of a device. */
  @FunctionalInterface
  interface Maker {
    AutoCloseable make(Device device) throws Exception;
  }

  private record Child(String name, Maker maker) {}

  private static final List<Child> CHILDREN =
      List.of(
          new Child("buffer", d -> d.allocate(64, MemoryKind.DEVICE)),
          new Child("timeline", d -> d.newTimeline(0)),
          new Child("queue", Device::newQueue),
          new Child("executable", d -> Opened.negate(d, 3)),
          new Child("weight", WeightCases::weight),
          new Child("state", WeightCases::pool));

  private LifetimeCases() {}

  static void addTo(CaseList list) {
    for (Child child : CHILDREN) {
      children(list, child);
    }
    parents(list);
    afterClose(list);
    retention(list);
  }

  private static void children(CaseList list, Child child) {
    list.lifecycle(
        "lifetime",
        child.name() + ",closing-twice-is-harmless",
        Rule.LIFETIME,
        Opened.device(d -> {
          AutoCloseable c = child.maker().make(d);
          c.close();
          c.close();
        }));
    list.lifecycle(
        "lifetime",
        child.name() + ",keeps-its-device-open",
        Rule.LIFETIME,
        context -> {
          try (Backend backend = context.openBackend()) {
            Device device = backend.open(context.ordinal());
            AutoCloseable c = child.maker().make(device);
            IllegalStateException e =
                Check.failsWith(IllegalStateException.class, "close", device::close);
            String said = String.valueOf(e.getMessage()).toLowerCase(Locale.ROOT);
            Check.that(
                said.contains(child.name()),
                "close: expected the live %s to be named, got '%s'",
                child.name(),
                said);
            // Refused, so the device must still work.
            child.maker().make(device).close();
            c.close();
            device.close();
          }
        });
    list.lifecycle(
        "lifetime",
        child.name() + ",is-counted",
        Rule.LIFETIME,
        Opened.device(d -> {
          DeviceStats before = d.stats();
          AutoCloseable c = child.maker().make(d);
          Check.equal("live objects", before.liveObjects() + 1, d.stats().liveObjects());
          c.close();
          Check.equal("live objects after close", before.liveObjects(), d.stats().liveObjects());
          Check.equal("live bytes after close", before.liveBytes(), d.stats().liveBytes());
        }));
    list.lifecycle(
        "lifetime",
        child.name() + ",not-made-on-a-closed-device",
        Rule.LIFETIME,
        context -> {
          try (Backend backend = context.openBackend()) {
            Device device = backend.open(context.ordinal());
            device.close();
            Check.failsWith(
                IllegalStateException.class, "use after close", () -> child.maker().make(device));
          }
        });
  }

  private static void parents(CaseList list) {
    list.lifecycle(
        "lifetime",
        "device,closing-twice-is-harmless",
        Rule.LIFETIME,
        context -> {
          try (Opened opened = Opened.of(context)) {
            opened.device.close();
          }
        });
    list.lifecycle(
        "lifetime",
        "backend,closing-twice-is-harmless",
        Rule.LIFETIME,
        context -> {
          Backend backend = context.openBackend();
          backend.close();
          backend.close();
        });
    list.lifecycle(
        "lifetime",
        "device,keeps-its-backend-open",
        Rule.LIFETIME,
        context -> {
          Backend backend = context.openBackend();
          try (Device device = backend.open(context.ordinal())) {
            Check.failsWith(IllegalStateException.class, "close", backend::close);
            device.stats();
            device.newTimeline(0).close();
          }
          backend.close();
        });
    list.lifecycle(
        "lifetime",
        "backend,opens-no-device-after-close",
        Rule.LIFETIME,
        context -> {
          Backend backend = context.openBackend();
          backend.close();
          Check.failsWith(
              IllegalStateException.class, "open", () -> backend.open(context.ordinal()));
        });
    list.lifecycle(
        "lifetime", "backend,opens-again-20-times", Rule.LIFETIME, LifetimeCases::reopen);
    list.lifecycle(
        "lifetime",
        "device,starts-with-nothing-alive",
        Rule.LIFETIME,
        Opened.device(d -> {
          Check.equal("live objects", 0L, d.stats().liveObjects());
          Check.equal("live bytes", 0L, d.stats().liveBytes());
        }));
    list.lifecycle(
        "lifetime",
        "executable,50-compiles-leave-nothing",
        Rule.LIFETIME,
        Opened.rig(r -> {
          long objects = r.device.stats().liveObjects();
          long bytes = r.device.stats().liveBytes();
          for (int i = 0; i < 50; i++) {
            Opened.negate(r.device, 7, 1 + i % 3).close();
          }
          Check.equal("live objects", objects, r.device.stats().liveObjects());
          Check.equal("live bytes", bytes, r.device.stats().liveBytes());
          Check.equal("compiles", 50L, r.device.stats().compiles());
        }));
  }

  private static void reopen(Context context) throws Exception {
    for (int i = 0; i < 20; i++) {
      try (Opened opened = Opened.of(context);
          Rig rig = new Rig(opened.device)) {
        rig.download(rig.buffer(new byte[16]));
      }
    }
  }

  private static void afterClose(CaseList list) {
    list.lifecycle(
        "lifetime",
        "queue,1000-submits-leave-nothing",
        Rule.LIFETIME,
        Opened.rig(r -> {
          Buffer a = r.buffer(64);
          try (Executable e = Opened.negate(r.device, 4)) {
            Bindings b = e.newBindings();
            b.tensor(0, f32(r.buffer(16), 4)).tensor(1, f32(r.buffer(16), 4));
            r.run(new Command.Run(e, b));
            DeviceStats before = r.device.stats();
            for (int i = 0; i < 500; i++) {
              r.run(new Command.Fill(Rig.bytes(a), i, 1));
              r.run(new Command.Run(e, b));
            }
            Check.equal("live objects", before.liveObjects(), r.device.stats().liveObjects());
            Check.equal("live bytes", before.liveBytes(), r.device.stats().liveBytes());
          }
        }));
    list.lifecycle(
        "lifetime",
        "buffer,not-used-after-close",
        Rule.LIFETIME,
        Opened.rig(r -> {
          Buffer closed = r.buffer(16);
          Buffer open = r.buffer(16);
          Check.that(closed.alive(), "alive: expected true before close");
          closed.close();
          Check.that(!closed.alive(), "alive: expected false after close");
          Command copy = new Command.Copy(Rig.bytes(closed), Rig.bytes(open));
          Check.failsWith(IllegalStateException.class, "copy", () -> r.run(copy));
          Command fill = new Command.Fill(Rig.bytes(closed), 0, 1);
          Check.failsWith(IllegalStateException.class, "fill", () -> r.run(fill));
        }));
    list.lifecycle(
        "lifetime",
        "buffer,not-run-on-after-close",
        Rule.LIFETIME,
        Opened.rig(r -> {
          try (Executable e = Opened.negate(r.device, 4)) {
            Buffer x = r.buffer(16);
            Bindings b = e.newBindings().tensor(0, f32(x, 4)).tensor(1, f32(r.buffer(16), 4));
            r.run(new Command.Run(e, b));
            x.close();
            Command again = new Command.Run(e, b);
            Check.failsWith(IllegalStateException.class, "run", () -> r.run(again));
          }
        }));
    list.lifecycle(
        "lifetime",
        "executable,not-used-after-close",
        Rule.LIFETIME,
        Opened.rig(r -> {
          Executable e = Opened.negate(r.device, 4);
          Bindings b = e.newBindings();
          b.tensor(0, f32(r.buffer(16), 4)).tensor(1, f32(r.buffer(16), 4));
          e.close();
          Command run = new Command.Run(e, b);
          Check.failsWith(IllegalStateException.class, "run", () -> r.run(run));
          Check.failsWith(IllegalStateException.class, "newBindings", e::newBindings);
        }));
    list.lifecycle(
        "lifetime",
        "queue,not-used-after-close",
        Rule.LIFETIME,
        Opened.rig(r -> {
          Queue q = r.device.newQueue();
          q.close();
          Command fill = new Command.Fill(Rig.bytes(r.buffer(4)), 0, 1);
          Check.failsWith(
              IllegalStateException.class,
              "submit",
              () -> q.submit(Points.none(), fill, Points.none()));
        }));
    list.lifecycle(
        "lifetime",
        "timeline,not-used-after-close",
        Rule.LIFETIME,
        Opened.device(d -> {
          Timeline t = d.newTimeline(3);
          t.close();
          Check.failsWith(IllegalStateException.class, "signal", () -> t.signal(4));
          Check.failsWith(IllegalStateException.class, "await", () -> t.await(4, Context.WAIT));
        }));
  }

  static View f32(Buffer buffer, long... sizes) {
    return new View(buffer, 0, TensorType.of(DType.F32, sizes));
  }

  /** What deferred work uses may be closed at once; it is freed when the work is done. */
  private static void retention(CaseList list) {
    list.lifecycle(
        "lifetime",
        "buffer,is-retained-by-deferred-work",
        Rule.LIFETIME,
        Opened.rig(r -> {
          Buffer src = r.buffer(new byte[] {1, 2, 3, 4});
          Buffer dst = r.buffer(4);
          try (Timeline gate = r.device.newTimeline(0);
              Timeline done = r.device.newTimeline(0)) {
            Command copy = new Command.Copy(Rig.bytes(src), Rig.bytes(dst));
            r.queue.submit(Points.of(gate, 1), copy, Points.of(done, 1));
            src.close();
            churn(r.device);
            gate.signal(1);
            done.await(1, Context.WAIT);
          }
          byte[] got = r.download(dst);
          Check.that(
              Arrays.equals(got, new byte[] {1, 2, 3, 4}),
              "copy: expected the bytes of a buffer closed meanwhile, got %s",
              Arrays.toString(got));
        }));
    list.lifecycle(
        "lifetime",
        "executable,is-retained-by-deferred-work",
        Rule.LIFETIME,
        Opened.rig(r -> {
          Executable e = Opened.negate(r.device, 1);
          Buffer y = r.buffer(4);
          Bindings b = e.newBindings();
          b.tensor(0, f32(r.buffer(new byte[] {0, 0, (byte) 0x80, 0x3F}), 1));
          b.tensor(1, f32(y, 1));
          try (Timeline gate = r.device.newTimeline(0);
              Timeline done = r.device.newTimeline(0)) {
            Command run = new Command.Run(e, b);
            r.queue.submit(Points.of(gate, 1), run, Points.of(done, 1));
            e.close();
            gate.signal(1);
            done.await(1, Context.WAIT);
          }
          Check.equal("sign byte of -1", (byte) 0xBF, r.download(y)[3]);
        }));
    list.lifecycle(
        "lifetime",
        "everything,is-freed-after-deferred-work",
        Rule.LIFETIME,
        Opened.device(d -> {
          DeviceStats before = d.stats();
          try (Rig r = new Rig(d)) {
            Buffer a = d.allocate(1024, MemoryKind.DEVICE);
            Timeline gate = d.newTimeline(0);
            Command fill = new Command.Fill(Rig.bytes(a), 7, 1);
            r.queue.submit(Points.of(gate, 1), fill, Points.of(r.timeline, 1));
            a.close();
            gate.signal(1);
            r.timeline.await(1, Context.WAIT);
            gate.close();
          }
          Check.equal("live objects", before.liveObjects(), d.stats().liveObjects());
          Check.equal("live bytes", before.liveBytes(), d.stats().liveBytes());
        }));
  }

  /** Allocations that would take the place of memory freed too early. */
  private static void churn(Device device) throws Exception {
    for (int i = 0; i < 32; i++) {
      try (Rig r = new Rig(device)) {
        r.buffer(new byte[] {9, 9, 9, 9});
      }
    }
  }
}
