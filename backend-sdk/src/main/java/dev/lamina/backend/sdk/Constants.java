package dev.lamina.backend.sdk;

import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Scalar;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.Map;

/** Constants of an executable: one element of each fill, and index ramps. */
final class Constants {
  private static final Sizes NO_SIZES =
      Sizes.of(java.util.List.of(), new dev.lamina.spi.ir.DimTable(java.util.List.of()));

  private record Ramp(DType dtype, long elements) {}

  private final Map<Object, Integer> offsets = new LinkedHashMap<>();
  private int bytes;

  /** Memory of one element of this value. */
  Storage splat(Scalar value) {
    return at(value, value.dtype().bytes());
  }

  /** Memory of the numbers from 0, as many as {@code elements}. */
  Storage ramp(DType dtype, long elements) {
    return at(new Ramp(dtype, elements), Math.multiplyExact(elements, dtype.bytes()));
  }

  private Storage at(Object key, long size) {
    Integer at = offsets.get(key);
    if (at == null) {
      at = bytes;
      offsets.put(key, at);
      bytes = Math.toIntExact((bytes + size + 7) / 8 * 8);
    }
    return new Storage(Storage.Kind.CONSTANT, at, 0, NO_SIZES);
  }

  /** Size of all constants. */
  int bytes() {
    return bytes;
  }

  /** Writes all constants to memory of {@link #bytes()} bytes of a space. */
  void write(MemorySpace space, MemorySegment memory) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment host = arena.allocate(bytes, Long.BYTES);
      write(host);
      space.upload(host, memory);
    }
  }

  private void write(MemorySegment memory) {
    offsets.forEach((key, at) -> {
      if (key instanceof Scalar s) {
        setBits(s, memory, at);
      } else if (key instanceof Ramp r) {
        ramp(r.dtype(), r.elements(), memory, at);
      }
    });
  }

  private static void setBits(Scalar value, MemorySegment memory, long at) {
    DType raw =
        switch (value.dtype().bytes()) {
          case 1 -> DType.U8;
          case 2 -> DType.U16;
          case 4 -> DType.U32;
          default -> DType.I64;
        };
    Elements.setLong(raw, memory, at, value.bits());
  }

  /** Writes 0, 1, 2, ..; a float holds the rounded number. */
  static void ramp(DType dtype, long elements, MemorySegment memory, long at) {
    for (long i = 0; i < elements; i++) {
      long to = at + i * dtype.bytes();
      if (dtype.isFloat()) {
        Elements.setFloat(dtype, memory, to, (float) i);
      } else {
        Elements.setLong(dtype, memory, to, i);
      }
    }
  }
}
