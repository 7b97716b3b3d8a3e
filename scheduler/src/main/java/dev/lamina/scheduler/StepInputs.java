package dev.lamina.scheduler;

import dev.lamina.spi.BackendException;
import dev.lamina.spi.Buffer;
import dev.lamina.spi.Command;
import dev.lamina.spi.Device;
import dev.lamina.spi.MemoryKind;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the host writes every step. Where both address the same memory there is nothing to copy;
 * else the host writes a pinned twin, which is free again once the upload was awaited, or was
 * submitted to a device that has {@link dev.lamina.spi.Cap#TAKEN_AT_SUBMIT}.
 */
final class StepInputs extends StepMemory {
  /** Unused bytes that cost less than another copy: 32 KiB take a microsecond. */
  private static final long GAP = 32 << 10;

  private @Nullable Buffer staging;
  private MemorySegment host = MemorySegment.NULL;

  /** By the part that a copy begins with. */
  private Command.@Nullable Upload[] uploads = {};

  StepInputs(Device device) {
    super(device);
  }

  @Override
  void moved(Buffer made) throws BackendException {
    uploads = new Command.@Nullable Upload[parts().size()];
    closeStaging();
    if (made.host().isPresent()) {
      host = made.host().get();
    } else {
      Buffer twin = device().allocate(made.size(), MemoryKind.PINNED_HOST);
      staging = twin;
      host = StepOutputs.hostOf(twin);
    }
    for (StepBuffer part : parts()) {
      part.host(host.asSlice(part.offset(), part.capacity()));
    }
  }

  /** Puts what the host wrote where the device reads it: in one copy, unless gaps are wide. */
  void upload(StepQueue queue) throws BackendException {
    Buffer target = make();
    if (staging == null) {
      return;
    }
    List<StepBuffer> parts = parts();
    for (int i = 0; i < parts.size(); ) {
      int first = i;
      long end = parts.get(i).offset() + parts.get(i).bytes();
      for (i++; i < parts.size() && parts.get(i).offset() - end <= GAP; i++) {
        end = parts.get(i).offset() + parts.get(i).bytes();
      }
      queue.submit(copy(target, first, parts.get(first).offset(), end));
    }
  }

  private Command.Upload copy(Buffer target, int first, long begin, long end) {
    Command.Upload known = uploads[first];
    if (known == null || known.src().byteSize() != end - begin) {
      known =
          new Command.Upload(
              host.asSlice(begin, end - begin), StepMemory.bytes(target, begin, end));
      uploads[first] = known;
    }
    return known;
  }

  private void closeStaging() {
    if (staging != null) {
      staging.close();
      staging = null;
    }
    host = MemorySegment.NULL;
  }

  @Override
  public void close() {
    super.close();
    closeStaging();
  }
}
