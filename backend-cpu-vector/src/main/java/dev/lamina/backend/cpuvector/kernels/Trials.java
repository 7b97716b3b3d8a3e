package dev.lamina.backend.cpuvector.kernels;

import static dev.lamina.backend.cpuvector.kernels.Lanes.NR;
import static dev.lamina.backend.cpuvector.kernels.Lanes.VL;

import dev.lamina.backend.sdk.BlockDecoder;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.QuantFormat;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * The dummies that vector kernels are warmed on. Some lie in a mapped file, others not: a kernel
 * that has seen one kind of segment only would be thrown out of compiled code by the other.
 */
final class Trials {
  private static final int DEPTH = 64;
  private static final int BYTES = 64 << 10;

  private final MemorySegment plain;
  private final MemorySegment mapped;

  /**
   * Makes the dummies.
   *
   * @param arena holds them
   */
  Trials(Arena arena) {
    plain = arena.allocate(BYTES, 64);
    mapped = mapped(arena);
  }

  private static MemorySegment mapped(Arena arena) {
    try {
      Path file = Files.createTempFile("lamina-warm-up", ".bin");
      try {
        Files.write(file, ByteBuffer.allocate(BYTES).array());
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
          return channel.map(FileChannel.MapMode.READ_ONLY, 0, BYTES, arena);
        }
      } finally {
        Files.delete(file);
      }
    } catch (IOException e) {
      System.getLogger(Trials.class.getName())
          .log(System.Logger.Level.DEBUG, "cpu-vector: no mapped file to warm up on", e);
      return arena.allocate(BYTES, 64);
    }
  }

  /** The forms of a kernel; it is compiled when each of them is. */
  List<Trial> of(HotKernel kernel) {
    return switch (kernel) {
      case TILE -> tiles();
      case WIDE_TILE -> wideTiles();
      case ROWS -> rows();
      case GATES -> gates();
      case DOT_F32 -> dots(DType.F32);
      case DOT_F16 -> dots(DType.F16);
      case DOT_BF16 -> dots(DType.BF16);
      case DOT_WIDENED -> widenedDots();
      case DOT_GROUPS -> groupDots();
      case STREAM_Q8_0 -> streams(QuantFormat.Q8_0);
      case STREAM_Q4_0 -> streams(QuantFormat.Q4_0);
      case STREAM_Q4_K -> streams(QuantFormat.Q4_K);
      case STREAM_Q6_K -> VL == 8 ? streams(QuantFormat.Q6_K) : List.of();
      case STREAM_MXFP4 -> VL == 8 ? streams(QuantFormat.MXFP4) : List.of();
      case STREAM_F8E4M3_128 -> streams(QuantFormat.F8E4M3_128);
      case LEVELS_SCALED -> levels(LevelForm.SCALED);
      case LEVELS_RAISED -> levels(LevelForm.RAISED);
      case LEVELS_FLOAT8 -> levels(LevelForm.FLOAT8);
      case UNPACK_Q8_0,
          UNPACK_Q4_0,
          UNPACK_Q4_K,
          UNPACK_Q6_K,
          UNPACK_MXFP4,
          UNPACK_F8E4M3_128,
          UNPACK_INT8_128,
          UNPACK_INT4_128,
          UNPACK_INT4_32 ->
          blocks(Objects.requireNonNull(kernel.format()));
      case PACK_F32 -> pack(DType.F32);
      case PACK_F16 -> pack(DType.F16);
      case PACK_BF16 -> pack(DType.BF16);
    };
  }

  private static List<Trial> tiles() {
    float[] w = new float[DEPTH * NR];
    float[] c = new float[Lanes.MR * NR];
    Operand x = new Operand().set(new float[Lanes.MR * DEPTH], DEPTH, NR);
    List<Trial> trials = new ArrayList<>();
    for (int rows : VectorTile.HEIGHTS) {
      if (rows <= Lanes.MR) {
        trials.add(new Trial(() -> VectorTile.rows(rows, w, 0, x, 0, DEPTH, c, 0)));
      }
    }
    return trials;
  }

  private List<Trial> wideTiles() {
    float[] c = new float[WideTile.MR * NR];
    float[] x = new float[WideTile.MR * DEPTH];
    return List.of(
        new Trial(() -> WideTile.rows(WideTile.MR, plain, 0, x, 0, DEPTH, c, 0, NR)),
        new Trial(() -> WideTile.rows(1, plain, 0, x, 0, DEPTH, c, 0, NR)));
  }

  private List<Trial> dots(DType type) {
    int n = 8 * NR;
    float[] x = new float[4 * n];
    float[] acc = new float[4 * VL];
    Matrix w = Matrix.dense(type, plain, 0, 4, n);
    Matrix file = Matrix.dense(type, mapped, 0, 4, n);
    List<Trial> trials = new ArrayList<>();
    if (type == DType.F32) {
      trials.add(
          new Trial(() -> {
            VectorDot.rows(w, 0, x, 0, n, acc);
            VectorDot.rows(file, 0, x, 0, n, acc);
          }));
    }
    trials.add(
        new Trial(() -> {
          VectorDot.one(w, 0, x, 0, n, acc);
          VectorDot.one(file, 0, x, 0, n, acc);
        }));
    trials.add(
        new Trial(() -> {
          VectorDot.four(w, 0, x, 0, n, n, acc);
          VectorDot.four(file, 0, x, 0, n, n, acc);
        }));
    return trials;
  }

  private static List<Trial> widenedDots() {
    float[] x = new float[8 * NR];
    float[] sums = new float[4 * NR];
    return List.of(
        new Trial(() -> VectorDot.floats(x, x, 0, x.length, sums, 0)),
        new Trial(() -> VectorDot.fourFloats(x, x, 0, 0, x.length, sums, 0)));
  }

  private static List<Trial> groupDots() {
    int n = Lanes.KC;
    float[] x = new float[n];
    Streaming.Scratch s = new Streaming.Scratch();
    s.fit(n);
    return List.of(
        new Trial(() -> VectorStreaming.groups(s, 0, n, x, 0, s.acc, 0)),
        new Trial(() -> VectorStreaming.fourGroups(s, 0, n, x, 0, 0, s.acc, 0)));
  }

  private List<Trial> streams(QuantFormat format) {
    int n = Lanes.KC;
    float[] x = new float[n];
    Streaming.Scratch s = new Streaming.Scratch();
    s.fit(n);
    int before = VectorStreaming.bytesBefore(format);
    return List.of(
        new Trial(() -> {
          VectorStreaming.rows(format, plain, before, 4, x, x, n, s);
          VectorStreaming.rows(format, mapped, before, 4, x, x, n, s);
        }),
        new Trial(() -> {
          VectorStreaming.levels(format, plain, 0, n, 0, s);
          VectorStreaming.levels(format, mapped, 0, n, 0, s);
          VectorStreaming.minima(s.minima, x, 0, Streaming.groups(n), s.acc, 0);
        }));
  }

  private static List<Trial> levels(LevelForm form) {
    int n = Lanes.KC;
    float[] out = new float[n];
    float[] sums = new float[2 * NR];
    BlockDecoder.Unpacked u = BlockDecoder.Unpacked.of(n + 16);
    return switch (form) {
      case SCALED ->
          List.of(
              new Trial(() -> VectorLevels.scaled(u, n, out, 0)),
              new Trial(() -> VectorLevels.scaled(u, u, n, out, 0, sums)));
      case RAISED ->
          List.of(
              new Trial(() -> VectorLevels.raised(u, n, out, 0)),
              new Trial(() -> VectorLevels.raised(u, u, n, out, 0, sums)));
      case FLOAT8 ->
          List.of(
              new Trial(() -> VectorLevels.eights(u, n, out, 0)),
              new Trial(() -> VectorLevels.eights(u, u, n, out, 0, sums)));
    };
  }

  private static List<Trial> blocks(QuantFormat format) {
    BlockDecoder.Unpacked u = BlockDecoder.Unpacked.of(Lanes.KC);
    int blocks = Lanes.KC / format.elements();
    byte[] data = new byte[blocks * format.bytes()];
    return List.of(new Trial(() -> VectorBlocks.unpack(format, data, blocks, u)));
  }

  private List<Trial> pack(DType type) {
    float[] panel = new float[DEPTH * NR];
    int[] square = new int[VL * VL];
    Matrix w = Matrix.dense(type, plain, 0, 16, DEPTH);
    Matrix file = Matrix.dense(type, mapped, 0, 16, DEPTH);
    return List.of(
        new Trial(() -> {
          VectorPack.rows(w, 0, 0, DEPTH, panel, 0, NR, square);
          VectorPack.rows(file, 0, 0, DEPTH, panel, 0, NR, square);
        }));
  }

  private List<Trial> rows() {
    float[] s = new float[8 * VL];
    float[] lanes = new float[VL];
    int n = s.length;
    float[] block = new float[16 * NR];
    return List.of(
        new Trial(() -> VectorRows.exp(s, 0, n, 0.5f, lanes, 0)),
        new Trial(() -> {
          VectorRows.logits(s, 0, n, 0.5f, 0, 0, 0);
          VectorRows.max(s, 0, n);
          VectorRows.sumOfSquares(s, 0, n, lanes);
          VectorRows.isFinite(s, 0, n);
          VectorRows.copy(plain, 0, 4L * NR, 4, NR, block, 0, NR);
          VectorRows.copy(mapped, 0, 4L * NR, 4, NR, block, 0, NR);
        }));
  }

  private static List<Trial> gates() {
    float[] g = new float[8 * VL];
    float[] u = new float[8 * VL];
    return List.of(new Trial(() -> VectorGates.apply(Gates.Kind.SILU, g, u, g.length)));
  }
}
