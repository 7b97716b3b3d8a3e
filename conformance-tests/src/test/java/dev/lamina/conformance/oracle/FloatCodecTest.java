package dev.lamina.conformance.oracle;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.spi.ir.DType;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Codecs against hand-computed vectors, the JDK's conversions and exact decimal arithmetic. */
class FloatCodecTest {
  private static final long SEED = 20;

  @ParameterizedTest
  @CsvSource({
    "F32, 1, 3f800000",
    "F32, -2.5, c0200000",
    "F32, 16777217, 4b800000",
    "F32, 16777219, 4b800002",
    "F16, 1, 3c00",
    "F16, 65504, 7bff",
    "F16, 65519.99, 7bff",
    "F16, 65520, 7c00",
    "F16, 2049, 6800",
    "F16, 2051, 6802",
    "F16, 5.960464477539063e-8, 1",
    "F16, 2.9802322387695312e-8, 0",
    "F16, 2.9802322387695317e-8, 1",
    "F16, -6.103515625e-5, 8400",
    "BF16, 1, 3f80",
    "BF16, 257, 4380",
    "BF16, 259, 4382",
    "BF16, 3.3961776e38, 7f80",
    "F8E4M3, 1, 38",
    "F8E4M3, 448, 7e",
    "F8E4M3, 463.9, 7e",
    "F8E4M3, 480, 7f",
    "F8E4M3, 0.001953125, 1",
    "F8E4M3, 17, 58",
    "F8E4M3, 19, 5a",
    "F8E5M2, 1, 3c",
    "F8E5M2, 57344, 7b",
    "F8E5M2, 61440, 7c",
    "F8E5M2, 1.52587890625e-5, 1",
    "F8E5M2, 2.25, 40",
    "F8E5M2, 2.75, 42"
  })
  void encode_givesTheHandComputedBits(FloatCodec codec, double value, String bits) {
    assertThat(Long.toHexString(codec.encode(value))).isEqualTo(bits);
  }

  @ParameterizedTest
  @CsvSource({
    "F32, 3.4028234663852886e38, 1.1754943508222875e-38, 1.401298464324817e-45",
    "F16, 65504, 6.103515625e-5, 5.960464477539063e-8",
    "BF16, 3.3895313892515355e38, 1.1754943508222875e-38, 9.183549615799121e-41",
    "F8E4M3, 448, 0.015625, 0.001953125",
    "F8E5M2, 57344, 6.103515625e-5, 1.52587890625e-5"
  })
  void limits_areThoseOfTheFormat(FloatCodec codec, double max, double normal, double subnormal) {
    assertThat(codec.max()).isEqualTo(max);
    assertThat(codec.minNormal()).isEqualTo(normal);
    assertThat(codec.minSubnormal()).isEqualTo(subnormal);
  }

  @ParameterizedTest
  @EnumSource(FloatCodec.class)
  void decodeThenEncode_isTheIdentityForEveryNumber(FloatCodec codec) {
    Random random = new Random(SEED);
    int width = DType.valueOf(codec.name()).bytes();
    for (long i = 0; i < 1L << 16; i++) {
      long bits = width == 4 ? random.nextLong() & 0xFFFFFFFFL : i & (1L << 8 * width) - 1;
      double value = codec.decode(bits);
      if (!Double.isNaN(value) && codec.encode(value) != bits) {
        assertThat(codec.encode(value)).as("bits %x, seed %d", bits, SEED).isEqualTo(bits);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(FloatCodec.class)
  void encode_picksTheNearestAndTiesToEven(FloatCodec codec) {
    Random random = new Random(SEED);
    for (int i = 0; i < 4_000; i++) {
      double exponent =
          Math.log(codec.minSubnormal())
              + random.nextDouble() * Math.log(codec.max() / codec.minSubnormal());
      double value = Math.min(Math.exp(exponent), codec.max());
      long bits = codec.encode(value);
      BigDecimal here = distance(codec, bits, value);
      BigDecimal below = bits == 0 ? here.add(BigDecimal.ONE) : distance(codec, bits - 1, value);
      double next = codec.decode(bits + 1);
      boolean last = Double.isInfinite(next) || Double.isNaN(next);
      BigDecimal above = last ? here.add(BigDecimal.ONE) : distance(codec, bits + 1, value);
      String what = codec + " of " + value + ", seed " + SEED;
      assertThat(here).as(what).isLessThanOrEqualTo(below).isLessThanOrEqualTo(above);
      if (here.compareTo(below) == 0 || here.compareTo(above) == 0) {
        assertThat(bits & 1).as(what).isZero();
      }
    }
  }

  private static BigDecimal distance(FloatCodec codec, long bits, double value) {
    return new BigDecimal(codec.decode(bits)).subtract(new BigDecimal(value)).abs();
  }

  @Test
  void encode_agreesWithTheJdk() {
    Random random = new Random(SEED);
    for (int i = 0; i < 10_000; i++) {
      float f = Float.intBitsToFloat(random.nextInt());
      if (Float.isNaN(f)) {
        continue;
      }
      assertThat(FloatCodec.F16.encode(f))
          .as("f16 of %s, seed %d", f, SEED)
          .isEqualTo(Float.floatToFloat16(f) & 0xFFFFL);
      double d = f * (1 + random.nextDouble() * 1e-7);
      assertThat(FloatCodec.F32.encode(d))
          .as("f32 of %s, seed %d", d, SEED)
          .isEqualTo(Float.floatToRawIntBits((float) d) & 0xFFFFFFFFL);
    }
  }

  @Test
  void specials_keepTheirMeaning() {
    assertThat(FloatCodec.F8E4M3.decode(0x7F)).isNaN();
    assertThat(FloatCodec.F8E4M3.decode(0xFF)).isNaN();
    assertThat(FloatCodec.F8E5M2.decode(0xFC)).isEqualTo(Double.NEGATIVE_INFINITY);
    assertThat(FloatCodec.F16.encode(-0.0)).isEqualTo(0x8000);
    assertThat(FloatCodec.BF16.encode(Double.NaN)).isEqualTo(0x7FC0);
    assertThat(FloatCodec.F8E4M3.encode(Double.NEGATIVE_INFINITY)).isEqualTo(0xFF);
  }

  @Test
  void overflowThreshold_isWhereRoundingLeavesTheFormat() {
    for (FloatCodec codec : FloatCodec.values()) {
      double t = codec.overflowThreshold();
      assertThat(codec.round(Math.nextDown(t))).as("%s", codec).isEqualTo(codec.max());
      boolean tiesUp = codec != FloatCodec.F8E4M3;
      double at = codec.round(tiesUp ? t : Math.nextUp(t));
      assertThat(Double.isInfinite(at) || Double.isNaN(at)).as("%s", codec).isTrue();
    }
  }

  @Test
  void toFloat_roundsOnceWhereADoubleWouldRoundTwice() {
    // 2^60 + 2^36 + 1: a double drops the 1, and the tie that is left would go down to 2^60.
    long value = (1L << 60) + (1L << 36) + 1;
    long bits = Elements.toFloat(DType.F32, value);
    assertThat(FloatCodec.F32.decode(bits)).isEqualTo(0x1p60 + 0x1p37);
    assertThat((double) (float) (double) value).isEqualTo(0x1p60);
    assertThat(FloatCodec.F32.decode(Elements.toFloat(DType.F32, -value)))
        .isEqualTo(-(0x1p60 + 0x1p37));
    assertThat(FloatCodec.F32.decode(Elements.toFloat(DType.F32, Long.MIN_VALUE)))
        .isEqualTo(-0x1p63);
  }

  @Test
  void truncate_wrapsAndSaturatesAsTheRulesSay() {
    assertThat(Elements.truncate(DType.I8, -1.9, false)).isEqualTo(-1);
    assertThat(Elements.truncate(DType.I8, 300, false)).isEqualTo(44);
    assertThat(Elements.truncate(DType.I8, 300, true)).isEqualTo(127);
    assertThat(Elements.truncate(DType.U8, -1, false)).isEqualTo(255);
    assertThat(Elements.truncate(DType.U8, -1, true)).isZero();
    assertThat(Elements.truncate(DType.I64, 0x1p70, false)).isZero();
    assertThat(Elements.truncate(DType.I64, 0x1p70, true)).isEqualTo(Long.MAX_VALUE);
    assertThat(Elements.truncate(DType.I32, Double.NaN, true)).isZero();
    assertThat(Elements.truncate(DType.U32, 0x1p32 + 5, false)).isEqualTo(5);
  }

  @Test
  void readAndWrite_areLittleEndianAndExtend() {
    byte[] memory = new byte[8];
    Elements.write(memory, 1, DType.I16, -2);
    assertThat(memory).startsWith(0, 0xFE, 0xFF, 0);
    assertThat(Elements.read(memory, 1, DType.I16)).isEqualTo(-2);
    assertThat(Elements.read(memory, 1, DType.U16)).isEqualTo(0xFFFE);
    assertThat(BigInteger.valueOf(Elements.max(DType.I64)).bitLength()).isEqualTo(63);
  }
}
