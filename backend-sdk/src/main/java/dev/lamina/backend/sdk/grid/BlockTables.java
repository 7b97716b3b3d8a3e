package dev.lamina.backend.sdk.grid;

import dev.lamina.backend.sdk.Tensor;
import dev.lamina.spi.ir.Layout;
import dev.lamina.spi.ir.QuantFormat;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.EnumMap;
import java.util.Map;

/**
 * Block formats as tables in the device's memory, in the layout of {@code blocks.cuh}; each made
 * when it is first used, kept until the device is closed. Thread-safe.
 */
public final class BlockTables {
  private final GridDevice grid;
  private final Map<QuantFormat, Long> tables = new EnumMap<>(QuantFormat.class);

  /**
   * No tables yet.
   *
   * @param grid where they go
   */
  public BlockTables(GridDevice grid) {
    this.grid = grid;
  }

  /** Where the {@code BlockFormat} of a tensor's blocks lies on the device; 0 if it is plain. */
  public long of(Tensor t) {
    return t.layout() instanceof Layout.Blocked(var format) ? of(format) : 0;
  }

  /** Where a format's {@code BlockFormat} lies on the device. */
  public synchronized long of(QuantFormat format) {
    return tables.computeIfAbsent(format, f -> upload(BlockTable.of(f.spec())));
  }

  private long upload(byte[] table) {
    grid.use();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment host = arena.allocate(table.length, 8);
      MemorySegment.copy(table, 0, host, ValueLayout.JAVA_BYTE, 0, table.length);
      long at = grid.own(table.length);
      grid.upload(host, at);
      return at;
    }
  }
}
