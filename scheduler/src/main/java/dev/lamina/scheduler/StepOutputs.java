package dev.lamina.scheduler;

import dev.lamina.spi.BackendException;
import dev.lamina.spi.Buffer;
import dev.lamina.spi.Command;
import dev.lamina.spi.Device;
import dev.lamina.spi.MemoryKind;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * What a step writes. The host gets a copy, in one of two places in turn: it may still read that of
 * a step while the next one writes, whose larger tensors may lie elsewhere.
 */
final class StepOutputs extends StepMemory {
  private final Landing[] landings = {new Landing(), new Landing()};

  /** Host memory that a copy arrives in, made when it is first wanted. */
  private static final class Landing {
    @Nullable Buffer memory;

    /** Where each part lay when it was copied. */
    long[] offsets = {};

    Command.@Nullable Download download;

    void close() {
      if (memory != null) {
        memory.close();
        memory = null;
      }
      download = null;
    }
  }

  StepOutputs(Device device) {
    super(device);
  }

  @Override
  void moved(Buffer made) {
    landings[0].download = null;
    landings[1].download = null;
  }

  /**
   * Copies all parts to the host behind what was submitted.
   *
   * @param turn which of two places, 0 or 1; {@link #host} has it once the queue was awaited
   */
  void download(StepQueue queue, int turn) throws BackendException {
    Buffer source = make();
    long end = parts().getLast().offset() + parts().getLast().bytes();
    Landing landing = landings[turn];
    Buffer memory = landing.memory;
    if (memory == null || memory.size() < end) {
      landing.close();
      memory = device().allocate(source.size(), MemoryKind.PINNED_HOST);
      landing.memory = memory;
      landing.offsets = new long[parts().size()];
    }
    Command.Download known = landing.download;
    if (known == null || known.dst().byteSize() != end) {
      known =
          new Command.Download(StepMemory.bytes(source, 0, end), hostOf(memory).asSlice(0, end));
      landing.download = known;
    }
    for (int i = 0; i < landing.offsets.length; i++) {
      landing.offsets[i] = parts().get(i).offset();
    }
    queue.submit(known);
  }

  /** Where part {@code i} begins in what was copied in this turn. */
  long offset(int i, int turn) {
    return landings[turn].offsets[i];
  }

  /** The parts as they were copied in this turn. */
  MemorySegment host(int turn) {
    Buffer memory = landings[turn].memory;
    if (memory == null) {
      throw new IllegalStateException("step outputs: expected a download before the host reads");
    }
    return hostOf(memory);
  }

  static MemorySegment hostOf(Buffer pinned) {
    return pinned
        .host()
        .orElseThrow(() -> new IllegalStateException("PINNED_HOST: expected a host segment"));
  }

  @Override
  public void close() {
    super.close();
    landings[0].close();
    landings[1].close();
  }
}
