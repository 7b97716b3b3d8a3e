package dev.lamina.models.ggml;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.backend.sdk.BlockDecoder;
import dev.lamina.json.JsonTrees;
import dev.lamina.models.Fixtures;
import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.models.safetensors.SafetensorsCheckpoint;
import dev.lamina.spi.ir.QuantFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/** Holds every block type to what the format's makers decode, bit for bit. */
class GgmlTypeTest {
  @TempDir static Path folder;
  private static JsonNode formats;
  private static SafetensorsCheckpoint blocks;

  /** These have no golden blocks: F16 and F32 are the platform's own, IQ1_M is worked by hand. */
  private static final Set<GgmlType> BY_HAND =
      EnumSet.of(GgmlType.F32, GgmlType.F16, GgmlType.IQ1_M);

  @BeforeAll
  static void open() throws Exception {
    Path unzipped = Fixtures.unzipBlocks(folder);
    formats =
        JsonTrees.read(Files.readAllBytes(unzipped.resolve("gguf-blocks.json"))).path("formats");
    blocks = SafetensorsCheckpoint.open(unzipped.resolve("gguf-blocks.safetensors"));
  }

  @AfterAll
  static void close() {
    blocks.close();
  }

  static Stream<GgmlType> golden() {
    return EnumSet.complementOf(EnumSet.copyOf(BY_HAND)).stream();
  }

  @Test
  void everyGoldenFormatIsAType() {
    List<String> names = new ArrayList<>(formats.propertyNames());
    assertThat(names).hasSize(23);
    assertThat(golden().map(GgmlType::name)).containsExactlyInAnyOrderElementsOf(names);
  }

  @ParameterizedTest
  @MethodSource("golden")
  void decodesAsTheReference(GgmlType type) {
    JsonNode format = formats.path(type.name());
    assertThat(type.id()).isEqualTo(format.path("ggml_type").intValue());
    assertThat(type.elements()).isEqualTo(format.path("block_elems").intValue());
    assertThat(type.bytes()).isEqualTo(format.path("block_bytes").intValue());

    MemorySegment raw = stored(type.name() + ".blocks").data();
    MemorySegment values = stored(type.name() + ".values").data();
    int count = Math.toIntExact(values.byteSize() / Float.BYTES);
    assertThat(type.byteSize(count)).isEqualTo(raw.byteSize());
    float[] decoded = new float[count];
    type.decode(raw, 0, decoded, 0, count);
    for (int i = 0; i < count; i++) {
      int expected = values.getAtIndex(ValueLayout.JAVA_INT_UNALIGNED, i);
      assertThat(Float.floatToRawIntBits(decoded[i]))
          .as("%s element %d of block %d", type, i % type.elements(), i / type.elements())
          .isEqualTo(expected);
    }
    if (type != GgmlType.BF16) {
      QuantFormat inIr = Objects.requireNonNull(type.format(), "no block format");
      assertThat(inIr.bytes()).isEqualTo(type.bytes());
      float[] again = new float[count];
      BlockDecoder.of(inIr).decode(raw, 0, count / type.elements(), again, 0);
      assertThat(Arrays.equals(again, decoded)).as("%s by the IR's description", type).isTrue();
    }
  }

  private static StoredTensor stored(String name) {
    return Objects.requireNonNull(blocks.find(name), name);
  }

  /** Random bytes, against the exact decoder that is held to blocks worked by hand. */
  @Test
  void iq1M_isDecodedAlikeByTheIr() {
    byte[] raw = new byte[64 * GgmlType.IQ1_M.bytes()];
    new Random(20261128).nextBytes(raw);
    float[] decoded = new float[64 * 256];
    float[] again = new float[64 * 256];
    GgmlType.IQ1_M.decode(MemorySegment.ofArray(raw), 0, decoded, 0, decoded.length);
    BlockDecoder.of(QuantFormat.IQ1_M).decode(MemorySegment.ofArray(raw), 0, 64, again, 0);
    assertThat(again).isEqualTo(decoded);
  }

  @Test
  void iq1M_decodesABlockWorkedByHand() {
    ByteBuffer b = ByteBuffer.allocate(56).order(ByteOrder.LITTLE_ENDIAN);
    // Elements 0-7: point 0, all -1, delta positive. Elements 8-15: point 2047, all 1, delta
    // negative: its high bits are 7, so the upper half of h[0] is 7 | 8.
    b.put(0, (byte) 0x00).put(1, (byte) 0xFF).put(32, (byte) 0xF0);
    // Elements 248-255: point 0 again, delta negative: the upper half of h[15] is 8.
    b.put(47, (byte) 0x80);
    // d is 0x3E00, 1.5, its digits in the top halves of the four numbers, the lowest first. The
    // scale of the first 16 elements is 1.5 * (2 * 0 + 1); of the last 16, three bits from bit 9
    // of the last number, 1.5 * (2 * 7 + 1).
    b.putShort(48, (short) 0x0000).putShort(50, (short) 0x0000);
    b.putShort(52, (short) 0xE000).putShort(54, (short) (0x3000 | 7 << 9));
    float[] y = new float[256];
    GgmlType.IQ1_M.decode(MemorySegment.ofArray(b.array()), 0, y, 0, 256);
    for (int i = 0; i < 8; i++) {
      assertThat(y[i]).as("element %d", i).isEqualTo(1.5f * (-1 + 0.125f));
      assertThat(y[8 + i]).as("element %d", 8 + i).isEqualTo(1.5f * (1 - 0.125f));
      assertThat(y[240 + i]).as("element %d", 240 + i).isEqualTo(22.5f * (-1 + 0.125f));
      assertThat(y[248 + i]).as("element %d", 248 + i).isEqualTo(22.5f * (-1 - 0.125f));
    }
  }

  @Test
  void iq1M_readsEachScaleAtItsPlace() {
    ByteBuffer b = ByteBuffer.allocate(56).order(ByteOrder.LITTLE_ENDIAN);
    // d = 1 (0x3C00); sub-block n of 16 has the scale number n % 8.
    int[] digits = {0x0, 0x0, 0xC, 0x3};
    for (int i = 0; i < 4; i++) {
      int scales = 0;
      for (int j = 0; j < 4; j++) {
        scales |= (4 * i + j) % 8 << 3 * j;
      }
      b.putShort(48 + 2 * i, (short) (digits[i] << 12 | scales));
    }
    float[] y = new float[256];
    GgmlType.IQ1_M.decode(MemorySegment.ofArray(b.array()), 0, y, 0, 256);
    for (int i = 0; i < 256; i++) {
      assertThat(y[i]).as("element %d", i).isEqualTo((2 * (i / 16 % 8) + 1) * -0.875f);
    }
  }

  @Test
  void plainTypesKeepTheirBits() {
    ByteBuffer b = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
    b.putFloat(0, -0.1f).putShort(4, Float.floatToFloat16(0.333f)).putShort(6, (short) 1);
    MemorySegment data = MemorySegment.ofArray(b.array());
    float[] y = new float[3];
    GgmlType.F32.decode(data, 0, y, 0, 1);
    GgmlType.F16.decode(data, 4, y, 1, 2);
    assertThat(y).containsExactly(-0.1f, Float.float16ToFloat(b.getShort(4)), 0x1p-24f);
  }

  @Test
  void refusesPartsOfBlocksAndBlocksThatAreNotThere() {
    MemorySegment data = MemorySegment.ofArray(new byte[18]);
    assertThatThrownBy(() -> GgmlType.Q4_0.decode(data, 0, new float[40], 0, 40))
        .hasMessage("decode q4_0: expected a multiple of 32 elements, got 40");
    assertThatThrownBy(() -> GgmlType.Q4_0.decode(data, 0, new float[64], 0, 64))
        .isInstanceOf(IndexOutOfBoundsException.class);
    assertThat(GgmlType.of(4)).as("Q4_2 is no more").isNull();
  }
}
