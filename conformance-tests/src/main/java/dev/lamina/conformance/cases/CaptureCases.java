package dev.lamina.conformance.cases;

import dev.lamina.conformance.Check;
import dev.lamina.conformance.Rule;
import dev.lamina.spi.Bindings;
import dev.lamina.spi.Buffer;
import dev.lamina.spi.Cap;
import dev.lamina.spi.Command;
import dev.lamina.spi.Executable;
import dev.lamina.spi.Recording;
import java.util.List;
import java.util.Optional;

/** Recordings: replayed as recorded where declared, absent where not. */
final class CaptureCases {
  private CaptureCases() {}

  static void addTo(CaseList list) {
    list.lifecycle(
        "capture",
        "present-as-declared",
        Rule.CAPABILITY,
        Opened.rig(r -> {
          Command fill = new Command.Fill(Rig.bytes(r.buffer(1)), 1, 1);
          Optional<Recording> recording = r.queue.record(List.of(fill));
          boolean declared = r.device.info().caps().contains(Cap.CAPTURE);
          recording.ifPresent(Recording::close);
          Check.equal("recording present", declared, recording.isPresent());
        }));
    captured(
        list,
        "replays-on-new-content",
        (r, e) -> {
          Buffer x = r.buffer(4);
          Buffer y = r.buffer(4);
          Buffer z = r.buffer(4);
          Bindings b = bind(e, x, y);
          Command copy = new Command.Copy(Rig.bytes(y), Rig.bytes(z));
          try (Recording rec = r.queue.record(List.of(new Command.Run(e, b), copy)).orElseThrow()) {
            for (int i = 1; i < 4; i++) {
              r.upload(x, new byte[] {0, 0, (byte) i, 0x3F});
              r.run(new Command.Replay(rec));
              byte[] got = r.download(z);
              Check.equal("sign byte", (byte) 0xBF, got[3]);
              Check.equal("changed byte", (byte) i, got[2]);
            }
          }
        });
    captured(
        list,
        "replays-with-changed-bindings",
        (r, e) -> {
          Buffer first = r.buffer(new byte[4]);
          Buffer second = r.buffer(new byte[4]);
          Bindings b = bind(e, r.buffer(new byte[] {0, 0, 0, 0x3F}), first);
          try (Recording rec = r.queue.record(List.of(new Command.Run(e, b))).orElseThrow()) {
            r.run(new Command.Replay(rec));
            b.tensor(1, LifetimeCases.f32(second, 1));
            r.upload(first, new byte[4]);
            r.run(new Command.Replay(rec));
            Check.equal("buffer bound before", (byte) 0, r.download(first)[3]);
            Check.equal("buffer bound now", (byte) 0xBF, r.download(second)[3]);
          }
        });
    captured(
        list,
        "is-counted-and-not-used-after-close",
        (r, e) -> {
          long objects = r.device.stats().liveObjects();
          Buffer x = r.buffer(4);
          Recording rec =
              r.queue.record(List.of(new Command.Fill(Rig.bytes(x), 3, 1))).orElseThrow();
          long replays = r.device.stats().replays();
          r.run(new Command.Replay(rec));
          Check.equal("replays", replays + 1, r.device.stats().replays());
          rec.close();
          rec.close();
          Check.equal("live objects", objects + 1, r.device.stats().liveObjects());
          Check.failsWith(
              IllegalStateException.class, "replay", () -> r.run(new Command.Replay(rec)));
        });
  }

  private static Bindings bind(Executable e, Buffer x, Buffer y) throws Exception {
    return e.newBindings().tensor(0, LifetimeCases.f32(x, 1)).tensor(1, LifetimeCases.f32(y, 1));
  }

  /** A case on an executable of {@code y[1] = -x[1]}. */
  @FunctionalInterface
  private interface OnExecutable {
    void run(Rig rig, Executable executable) throws Exception;
  }

  private static void captured(CaseList list, String name, OnExecutable body) {
    list.lifecycle(
        "capture",
        name,
        Rule.CAPABILITY,
        Opened.rig(r -> {
          // Absence is the first case's concern.
          if (r.device.info().caps().contains(Cap.CAPTURE)) {
            try (Executable e = Opened.negate(r.device, 1)) {
              body.run(r, e);
            }
          }
        }));
  }
}
