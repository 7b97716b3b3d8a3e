package dev.lamina.conformance.oracle;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.CoreOp.UnaryKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.QuantFormat;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The oracle's composites, sampling and steps against decimal numbers of 60 digits: the formula
 * written anew, with no double in it but the inputs.
 */
class CompositeSpotCheckTest extends SpotCheck {
  @Test
  void norms_divideByTheRoot() {
    int d = 33;
    RefTensor x = floats(DType.F32, 3, 2, d);
    RefTensor w = floats(DType.F32, 1, d);
    RefTensor b = floats(DType.F32, 1, d);
    double eps = 1e-3;
    RefTensor rms = LayerOracle.rmsNorm(new CompositeOp.RmsNorm(eps, true, true), x, w);
    RefTensor layer = LayerOracle.layerNorm(new CompositeOp.LayerNorm(eps, true), x, w, b);
    for (int row = 0; row < 2; row++) {
      BigDecimal n = BigDecimal.valueOf(d);
      BigDecimal sum = BigDecimal.ZERO;
      BigDecimal squares = BigDecimal.ZERO;
      for (int i = row * d; i < row * d + d; i++) {
        sum = sum.add(big(x, i));
        squares = squares.add(big(x, i).pow(2));
      }
      BigDecimal mean = BigMath.divide(sum, n);
      BigDecimal meanSquare = BigMath.divide(squares, n);
      BigDecimal variance = meanSquare.subtract(mean.pow(2));
      BigDecimal root = BigMath.sqrt(meanSquare.add(BigMath.of(eps)));
      BigDecimal deviation = BigMath.sqrt(variance.add(BigMath.of(eps)));
      for (int i = 0; i < d; i++) {
        BigDecimal v = big(x, row * d + i);
        BigDecimal factor = big(w, i).add(BigDecimal.ONE);
        near("rms_norm", rms.real(row * d + i), BigMath.divide(v, root).multiply(factor));
        BigDecimal centred = BigMath.divide(v.subtract(mean), deviation).multiply(big(w, i));
        near("layer_norm", layer.real(row * d + i), centred.add(big(b, i)), BigDecimal.TEN);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(CompositeOp.Gate.class)
  void gates_followTheirFormulas(CompositeOp.Gate gate) {
    RefTensor x = floats(DType.F32, 2, 60);
    RefTensor up = floats(DType.F32, 1, 60);
    RefTensor y = LayerOracle.gated(gate, x, up);
    BigDecimal half = new BigDecimal("0.5");
    for (int i = 0; i < 60; i++) {
      BigDecimal v = big(x, i);
      BigDecimal cubic = v.add(v.pow(3).multiply(new BigDecimal("0.044715")));
      BigDecimal inner = cubic.multiply(BigMath.sqrt(BigMath.divide(BigDecimal.TWO, BigMath.pi())));
      BigDecimal truth =
          switch (gate) {
            case SWIGLU -> v.multiply(BigMath.sigmoid(v));
            case GEGLU_TANH -> v.multiply(half).multiply(BigDecimal.ONE.add(BigMath.tanh(inner)));
            case GEGLU_ERF ->
                v.multiply(half)
                    .multiply(
                        BigDecimal.ONE.add(
                            BigMath.erf(BigMath.divide(v, BigMath.sqrt(BigDecimal.TWO)))));
            case REGLU -> v.max(BigDecimal.ZERO);
          };
      BigDecimal magnitude = v.multiply(big(up, i)).abs();
      near(gate + " of " + v, y.real(i), truth.multiply(big(up, i)), magnitude);
    }
  }

  @Test
  void rope_turnsPairs() {
    RefTensor x = floats(DType.F32, 1, 3, 2, 8);
    RefTensor at = RefTensor.exact(DType.I32, new long[] {1, 3}, new long[] {0, 77, 5000});
    RefTensor freqs = floats(DType.F32, 1, 3);
    for (CompositeOp.RopeStyle style : CompositeOp.RopeStyle.values()) {
      CompositeOp.Rope op = new CompositeOp.Rope(style, 6, 1.25, List.of());
      RefTensor y = LayerOracle.rope(op, x, at, freqs);
      for (int head = 0; head < 6; head++) {
        for (int p = 0; p < 3; p++) {
          // The angle is a product in F32: the one rounding that is part of the formula.
          float angle = (float) (at.integer(head / 2) * freqs.real(p));
          BigDecimal cos = BigMath.cos(BigMath.of(angle)).multiply(BigMath.of(1.25));
          BigDecimal sin = BigMath.sin(BigMath.of(angle)).multiply(BigMath.of(1.25));
          boolean neox = style == CompositeOp.RopeStyle.NEOX;
          int i = head * 8 + (neox ? p : 2 * p);
          int j = head * 8 + (neox ? p + 3 : 2 * p + 1);
          BigDecimal a = big(x, i);
          BigDecimal b = big(x, j);
          BigDecimal size = a.abs().add(b.abs());
          near("rope", y.real(i), a.multiply(cos).subtract(b.multiply(sin)), size);
          near("rope", y.real(j), b.multiply(cos).add(a.multiply(sin)), size);
        }
        near("rope, the rest", y.real(head * 8 + 7), big(x, head * 8 + 7));
      }
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = QuantFormat.class,
      names = {"Q8_0", "Q4_0"})
  void linear_overDecodedBlocks(QuantFormat format) {
    RefTensor.Builder blocks = new RefTensor.Builder(DType.U8, 3, 2L * format.bytes());
    for (int i = 0; i < blocks.count(); i++) {
      blocks.exact(i, i % format.bytes() == 1 ? 0x28 + i % 8 : random.nextInt(256));
    }
    RefTensor bytes = blocks.build();
    RefTensor w = LayerOracle.decode(format, bytes, 3, 64);
    RefTensor x = floats(DType.F32, 1, 2, 64);
    RefTensor bias = floats(DType.F32, 1, 3);
    RefTensor y = LayerOracle.linear(DType.F32, x, w, bias);
    for (int i = 0; i < 6; i++) {
      int n = i % 3;
      BigDecimal sum = big(bias, n);
      BigDecimal magnitude = sum.abs();
      for (int k = 0; k < 64; k++) {
        BigDecimal product = big(x, i / 3 * 64 + k).multiply(code(format, bytes, n, k));
        sum = sum.add(product);
        magnitude = magnitude.add(product.abs());
      }
      near("linear " + format, y.real(i), sum, magnitude);
    }
  }

  /** Element k of row n: the block's F16 scale from its fields, times a signed code. */
  private static BigDecimal code(QuantFormat format, RefTensor bytes, int n, int k) {
    int block = (n * 2 + k / 32) * format.bytes();
    long half = bytes.bits(block) + 256 * bytes.bits(block + 1);
    BigDecimal scale =
        BigDecimal.valueOf(1024 + half % 1024)
            .divide(BigDecimal.TWO.pow((int) (25 - half / 1024 % 32)));
    int e = k % 32;
    long code =
        switch (format) {
          case Q8_0 -> {
            long c = bytes.bits(block + 2 + e);
            yield c > 127 ? c - 256 : c;
          }
          case Q4_0 -> {
            long c = bytes.bits(block + 2 + e % 16);
            yield (e < 16 ? c % 16 : c / 16) - 8;
          }
          default -> throw new AssertionError(format);
        };
    return scale.multiply(BigDecimal.valueOf(code));
  }

  @Test
  void attention_isASoftmaxOverTheKeysSeen() {
    CompositeOp.PagedAttention op =
        new CompositeOp.PagedAttention(0, 0.3, true, 5, 0, 2, true, true);
    RefTensor q = floats(DType.F32, 1, 4, 4, 6);
    RefTensor k = floats(DType.F32, 1, 12, 2, 6);
    RefTensor v = floats(DType.F32, 1, 12, 2, 3);
    RefTensor sinks = floats(DType.F32, 1, 4);
    RefTensor slopes = floats(DType.F32, 1, 4);
    RefTensor table = RefTensor.exact(DType.I32, new long[] {1, 2}, new long[] {2, 0});
    AttentionOracle oracle =
        new AttentionOracle(
            op, 4, q, k, v, ints(DType.I32, 0, 4), ints(DType.I32, 7), table, sinks, slopes);
    RefTensor y = oracle.attend();
    for (int t = 0; t < 4; t++) {
      for (int h = 0; h < 4; h++) {
        attention(y, q, k, v, sinks, slopes, t, h);
      }
    }
  }

  private static void attention(
      RefTensor y,
      RefTensor q,
      RefTensor k,
      RefTensor v,
      RefTensor sinks,
      RefTensor slopes,
      int t,
      int h) {
    int position = 3 + t;
    BigDecimal total = BigMath.exp(big(sinks, h));
    BigDecimal[] sums = {BigDecimal.ZERO, BigDecimal.ZERO, BigDecimal.ZERO};
    for (int j = Math.max(0, position - 4); j <= position; j++) {
      int slot = (j < 4 ? 8 + j : j - 4) * 2 + h / 2;
      BigDecimal dot = BigDecimal.ZERO;
      for (int d = 0; d < 6; d++) {
        dot = dot.add(big(q, (t * 4 + h) * 6 + d).multiply(big(k, slot * 6 + d)));
      }
      BigDecimal capped =
          BigMath.tanh(dot.multiply(BigMath.of(0.3)).divide(BigDecimal.TWO))
              .multiply(BigDecimal.TWO);
      BigDecimal bias = big(slopes, h).multiply(BigDecimal.valueOf(j - position));
      BigDecimal weight = BigMath.exp(capped.add(bias));
      total = total.add(weight);
      for (int d = 0; d < 3; d++) {
        sums[d] = sums[d].add(weight.multiply(big(v, slot * 3 + d)));
      }
    }
    for (int d = 0; d < 3; d++) {
      BigDecimal truth = BigMath.divide(sums[d], total);
      near("attention", y.real((t * 4 + h) * 3 + d), truth, BigDecimal.TEN);
    }
  }

  @Test
  void logprobs_areALogSoftmax() {
    RefTensor logits = floats(DType.F32, 4, 2, 30);
    List<RefTensor> y = SamplingOracle.logprobs(logits, ints(DType.I32, 3, 29), 4);
    for (int row = 0; row < 2; row++) {
      BigDecimal sum = BigDecimal.ZERO;
      for (int i = row * 30; i < row * 30 + 30; i++) {
        sum = sum.add(BigMath.exp(big(logits, i)));
      }
      BigDecimal log = BigMath.log(sum);
      BigDecimal own = big(logits, row == 0 ? 3 : 59).subtract(log);
      near("logprob", y.getFirst().real(row), own, BigDecimal.TEN);
      for (int i = 0; i < 4; i++) {
        int id = (int) y.get(2).integer(row * 4 + i);
        BigDecimal top = big(logits, row * 30 + id).subtract(log);
        near("top logprob", y.get(1).real(row * 4 + i), top, BigDecimal.TEN);
      }
    }
  }

  /** Philox in integers without a width, Gumbel noise and softmax in decimals. */
  @Test
  void sample_drawsByNoiseOverTheKept() {
    int n = 12;
    for (int i = 0; i < 20; i++) {
      double[] logits = random.doubles(n, -2, 2).map(v -> (float) v).toArray();
      SamplingOracle.Draw draw =
          new SamplingOracle.Draw(0.75f, 7, 0.8f, 0.05f, random.nextLong(), random.nextLong());
      int got = SamplingOracle.sample(logits, draw);
      if (got != SamplingOracle.UNDECIDED) {
        assertThat(got).isEqualTo(drawn(logits, draw));
      }
    }
  }

  private static int drawn(double[] logits, SamplingOracle.Draw draw) {
    List<Integer> order = new ArrayList<>(IntStream.range(0, logits.length).boxed().toList());
    order.sort(Comparator.comparing((Integer i) -> BigMath.of(logits[i])).reversed());
    BigDecimal[] z = new BigDecimal[logits.length];
    for (int i = 0; i < z.length; i++) {
      z[i] = BigMath.divide(BigMath.of(logits[i]), BigMath.of(draw.temperature()));
    }
    BigDecimal least = BigMath.exp(z[order.getFirst()]).multiply(BigMath.of(draw.minP()));
    order.removeIf(i -> BigMath.exp(z[i]).compareTo(least) < 0);
    List<Integer> top = order.subList(0, Math.min(draw.topK(), order.size()));
    BigDecimal total = BigDecimal.ZERO;
    for (int i : top) {
      total = total.add(BigMath.exp(z[i]));
    }
    BigDecimal before = BigDecimal.ZERO;
    BigDecimal most = new BigDecimal("-1e9");
    int best = -1;
    for (int i : top) {
      if (before.compareTo(total.multiply(BigMath.of(draw.topP()))) < 0) {
        BigDecimal noisy = z[i].add(gumbel(draw, i));
        best = noisy.compareTo(most) > 0 ? i : best;
        most = noisy.max(most);
      }
      before = before.add(BigMath.exp(z[i]));
    }
    return best;
  }

  private static BigDecimal gumbel(SamplingOracle.Draw draw, int v) {
    BigInteger word = BigInteger.ONE.shiftLeft(32);
    BigInteger position = BigInteger.valueOf(draw.position()).mod(word.pow(2));
    BigInteger seed = BigInteger.valueOf(draw.seed()).mod(word.pow(2));
    BigInteger[] c = {
      position.mod(word), position.divide(word), BigInteger.valueOf(v / 4), BigInteger.ZERO
    };
    BigInteger k0 = seed.mod(word);
    BigInteger k1 = seed.divide(word);
    for (int round = 0; round < 10; round++) {
      BigInteger a = c[0].multiply(new BigInteger("D2511F53", 16));
      BigInteger b = c[2].multiply(new BigInteger("CD9E8D57", 16));
      c =
          new BigInteger[] {
            b.divide(word).xor(c[1]).xor(k0),
            b.mod(word),
            a.divide(word).xor(c[3]).xor(k1),
            a.mod(word)
          };
      k0 = k0.add(new BigInteger("9E3779B9", 16)).mod(word);
      k1 = k1.add(new BigInteger("BB67AE85", 16)).mod(word);
    }
    BigDecimal u =
        new BigDecimal(c[v % 4].shiftRight(9))
            .add(new BigDecimal("0.5"))
            .divide(BigDecimal.TWO.pow(23));
    return BigMath.log(BigMath.log(u).negate()).negate();
  }

  @Test
  void penalties_divideThenSubtract() {
    RefTensor logits = floats(DType.F32, 2, 1, 6);
    RefTensor history =
        RefTensor.exact(DType.I32, new long[] {1, 6}, new long[] {0, 1, 1, 2, 2, -1});
    List<RefTensor> in = new ArrayList<>(List.of(logits, history, ints(DType.I32, 2)));
    for (double v : new double[] {0.5, 0.25, 1.5}) {
      in.add(new RefTensor.Builder(DType.F32, 1).near(0, v, 0).build());
    }
    RefTensor y = SamplingOracle.penalties(in);
    int[] output = {0, 1, 2, 0, 0, 0};
    for (int v = 0; v < 6; v++) {
      BigDecimal x = big(logits, v);
      BigDecimal repetition = new BigDecimal("1.5");
      BigDecimal seen = x.signum() > 0 ? BigMath.divide(x, repetition) : x.multiply(repetition);
      BigDecimal taken =
          new BigDecimal("0.25")
              .multiply(BigDecimal.valueOf(output[v]))
              .add(output[v] > 0 ? new BigDecimal("0.5") : BigDecimal.ZERO);
      near("penalties", y.real(v), (v < 3 ? seen : x).subtract(taken), BigDecimal.TEN);
    }
  }

  /** Composites by their op, as exported models ask for them. */
  @Test
  void composites_goToTheirFormulas() {
    RefTensor x = floats(DType.F32, 1, 1, 5);
    RefTensor y = CompositeOracle.apply(new CompositeOp.RmsNorm(0.5, false, false), List.of(x));
    BigDecimal squares = BigDecimal.ZERO;
    for (int i = 0; i < 5; i++) {
      squares = squares.add(big(x, i).pow(2));
    }
    BigDecimal root =
        BigMath.sqrt(squares.divide(BigDecimal.valueOf(5)).add(new BigDecimal("0.5")));
    for (int i = 0; i < 5; i++) {
      near("rms_norm", y.real(i), BigMath.divide(big(x, i), root));
    }
  }

  /** A step of a model: a key and a value are kept, and attention to them alone gives the value. */
  @Test
  void steps_keepKeysAndValues() {
    StateSpec spec =
        new StateSpec(
            "kv",
            4,
            new Dim.Sym("slots.kv", 4, 64, 4),
            List.of(
                new StateSpec.Entry("k", 0, DType.F32, List.of(1, 2)),
                new StateSpec.Entry("v", 0, DType.F32, List.of(1, 2))));
    Ops g = new Ops("step");
    Value pool = g.state(spec);
    RefTensor x = floats(DType.F32, 1, 2, 1, 2);
    Value in = input(g, "x", x);
    Value slots = g.tensor("slots", TensorType.of(DType.I32, 2));
    Value next = g.kvAppend(pool, 0, in, g.unary(UnaryKind.EXP, in), slots);
    CompositeOp.PagedAttention op =
        new CompositeOp.PagedAttention(0, 1, true, 0, 0, 0, false, false);
    Value cu = g.tensor("cu", TensorType.of(DType.I32, 2));
    Value lens = g.tensor("lens", TensorType.of(DType.I32, 1));
    Value table = g.tensor("table", TensorType.of(DType.I32, 1, 1));
    g.output("y", g.pagedAttention(op, in, next, cu, lens, table));
    g.output("kv", next);
    StepOracle step = new StepOracle(g.build(), 8);
    RefTensor page = RefTensor.exact(DType.I32, new long[] {1, 1}, new long[] {1});
    RefTensor y =
        step.run(
                Map.of("slots.kv", 8L),
                Map.of(
                    "x", x,
                    "slots", ints(DType.I32, 4, 5),
                    "cu", ints(DType.I32, 0, 2),
                    "lens", ints(DType.I32, 2),
                    "table", page))
            .get("y");
    // Keys and values are rounded to the pool's F32, so the truth begins from that.
    BigDecimal[] dots = new BigDecimal[2];
    for (int j = 0; j < 2; j++) {
      dots[j] = BigDecimal.ZERO;
      for (int d = 0; d < 2; d++) {
        dots[j] = dots[j].add(big(x, 2 + d).multiply(big(x, 2 * j + d)));
      }
    }
    BigDecimal first = BigMath.exp(dots[0]);
    BigDecimal second = BigMath.exp(dots[1]);
    for (int d = 0; d < 2; d++) {
      BigDecimal a = BigMath.of((float) BigMath.exp(big(x, d)).doubleValue());
      BigDecimal b = BigMath.of((float) BigMath.exp(big(x, 2 + d)).doubleValue());
      BigDecimal sum = first.multiply(a).add(second.multiply(b));
      near("step", y.real(2 + d), BigMath.divide(sum, first.add(second)), BigDecimal.TEN);
      near("step", y.real(d), a, BigDecimal.TEN);
    }
  }
}
