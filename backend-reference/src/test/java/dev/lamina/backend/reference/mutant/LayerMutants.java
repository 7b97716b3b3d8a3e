package dev.lamina.backend.reference.mutant;

import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.CompositeOp.GatedActivation;
import dev.lamina.spi.ir.CompositeOp.LayerNorm;
import dev.lamina.spi.ir.CompositeOp.RmsNorm;
import dev.lamina.spi.ir.CompositeOp.Rope;

/** Norms, rotary embedding and gates. */
final class LayerMutants {
  private LayerMutants() {}

  static void addTo(MutantList list) {
    list.area("RMS norm", "rms_norm/*");
    rmsNorms(list);
    list.area("layer norm", "layer_norm/*");
    layerNorms(list);
    list.area("rotary embedding", "rope/*");
    ropes(list);
    ropeAngles(list);
    list.area("gated activation", "gated_activation/*");
    gates(list);
  }

  private static void rmsNorms(MutantList list) {
    list.op(
        "rms-eps-outside-root",
        "eps is added outside of the root",
        RmsNorm.class,
        op ->
            new PlainNorms.Rms(op) {
              @Override
              double inverse(double mean) {
                return 1 / (Math.sqrt(mean) + op.eps());
              }
            });
    list.op(
        "rms-eps-fixed",
        "eps is always 1e-5",
        RmsNorm.class,
        op ->
            new PlainNorms.Rms(op) {
              @Override
              double inverse(double mean) {
                return 1 / Math.sqrt(mean + 1e-5);
              }
            });
    list.op(
        "rms-eps-lost",
        "no eps",
        RmsNorm.class,
        op ->
            new PlainNorms.Rms(op) {
              @Override
              double inverse(double mean) {
                return 1 / Math.sqrt(mean);
              }
            });
    list.op(
        "rms-small-eps-lost",
        "no eps where it is below 1e-4",
        RmsNorm.class,
        op ->
            new PlainNorms.Rms(op) {
              @Override
              double inverse(double mean) {
                return 1 / Math.sqrt(mean + (op.eps() < 1e-4 ? 0 : op.eps()));
              }
            });
    list.op(
        "rms-divisor",
        "divides by D - 1",
        RmsNorm.class,
        op ->
            new PlainNorms.Rms(op) {
              @Override
              double divisor() {
                return Math.max(1, width - 1);
              }
            });
    list.op(
        "rms-last-lost",
        "the last element is left out of the sum",
        RmsNorm.class,
        op ->
            new PlainNorms.Rms(op) {
              @Override
              int counted() {
                return Math.max(1, width - 1);
              }
            });
    list.op(
        "rms-tail-lost",
        "elements beyond a multiple of 16 are left out of the sum, from 64 on",
        RmsNorm.class,
        op ->
            new PlainNorms.Rms(op) {
              @Override
              int counted() {
                return width < 64 ? width : width / 16 * 16;
              }
            });
    list.op(
        "rms-squares-in-f16",
        "squares overflow F16",
        RmsNorm.class,
        op ->
            new PlainNorms.Rms(op) {
              @Override
              double square(double v) {
                return Spoils.toF16(v * v);
              }
            });
    list.op(
        "rms-plus-one-lost",
        "w in place of 1 + w",
        RmsNorm.class,
        op ->
            new PlainNorms.Rms(op) {
              @Override
              double factor(double w) {
                return w;
              }
            });
    list.after("rms-scaled", "times 1.001", RmsNorm.class, Spoils.every(v -> v * 1.001));
  }

  private static void layerNorms(MutantList list) {
    list.op(
        "layer-eps-outside-root",
        "eps is added outside of the root",
        LayerNorm.class,
        op ->
            new PlainNorms.Layer(op) {
              @Override
              double inverse(double variance) {
                return 1 / (Math.sqrt(variance) + op.eps());
              }
            });
    list.op(
        "layer-divisor",
        "divides by D - 1",
        LayerNorm.class,
        op ->
            new PlainNorms.Layer(op) {
              @Override
              double divisor() {
                return Math.max(1, width - 1);
              }
            });
    list.op(
        "layer-mean-kept",
        "the mean is not subtracted",
        LayerNorm.class,
        op ->
            new PlainNorms.Layer(op) {
              @Override
              double shift(double mean) {
                return 0;
              }
            });
    list.op(
        "layer-variance-by-squares",
        "E[x^2] - E[x]^2 in F32, which cancels",
        LayerNorm.class,
        op ->
            new PlainNorms.Layer(op) {
              @Override
              double variance(double[] v, double mean) {
                float squares = 0;
                for (double one : v) {
                  squares += (float) (one * one);
                }
                return Math.max(0, squares / width - (float) mean * (float) mean);
              }
            });
    list.op(
        "layer-bias-lost",
        "no bias",
        LayerNorm.class,
        op ->
            new PlainNorms.Layer(op) {
              @Override
              double bias(double b) {
                return 0;
              }
            });
    list.op(
        "layer-eps-fixed",
        "eps is always 1e-5",
        LayerNorm.class,
        op ->
            new PlainNorms.Layer(op) {
              @Override
              double inverse(double variance) {
                return 1 / Math.sqrt(variance + 1e-5);
              }
            });
  }

  private static void ropes(MutantList list) {
    list.op(
        "rope-styles-swapped",
        "neox pairs in place of interleaved ones, and the other way round",
        Rope.class,
        op ->
            new PlainLayers.Rope(op) {
              @Override
              boolean isNeox() {
                return !super.isNeox();
              }
            });
    list.op(
        "rope-partial-ignored",
        "pairs as if all of D were rotated",
        Rope.class,
        op ->
            new PlainLayers.Rope(op) {
              @Override
              int rotaryDims() {
                return headDim;
              }
            });
    list.op(
        "rope-last-pair-lost",
        "the last pair passes",
        Rope.class,
        op ->
            new PlainLayers.Rope(op) {
              @Override
              double scale(int pair) {
                return pair == rotaryDims() / 2 - 1 ? 1 : super.scale(pair);
              }

              @Override
              double sinScale(int pair) {
                return pair == rotaryDims() / 2 - 1 ? 0 : super.scale(pair);
              }
            });
    list.op(
        "rope-wrong-sign",
        "turns the other way",
        Rope.class,
        op ->
            new PlainLayers.Rope(op) {
              @Override
              double sinScale(int pair) {
                return -scale(pair);
              }
            });
    list.op(
        "rope-scale-lost",
        "no scale",
        Rope.class,
        op ->
            new PlainLayers.Rope(op) {
              @Override
              double scale(int pair) {
                return 1;
              }
            });
    list.op(
        "rope-scale-on-cos-only",
        "sin is not scaled",
        Rope.class,
        op ->
            new PlainLayers.Rope(op) {
              @Override
              double sinScale(int pair) {
                return 1;
              }
            });
    list.op(
        "rope-sections-ignored",
        "positions of row 0 for all sections",
        Rope.class,
        op ->
            new PlainLayers.Rope(op) {
              @Override
              int section(int pair) {
                return 0;
              }
            });
    list.op(
        "rope-section-edge",
        "a section begins one pair too late",
        Rope.class,
        op ->
            new PlainLayers.Rope(op) {
              @Override
              int section(int pair) {
                return super.section(Math.max(0, pair - 1));
              }
            });
  }

  private static void ropeAngles(MutantList list) {
    list.op(
        "rope-position-one-off",
        "position + 1",
        Rope.class,
        op ->
            new PlainLayers.Rope(op) {
              @Override
              double angle(long position, double freq, int head) {
                return super.angle(position + 1, freq, head);
              }
            });
    list.op(
        "rope-f16-angle",
        "the angle in F16",
        Rope.class,
        op ->
            new PlainLayers.Rope(op) {
              @Override
              double angle(long position, double freq, int head) {
                return Spoils.toF16(super.angle(position, freq, head));
              }
            });
    list.op(
        "rope-bf16-position",
        "the position in BF16",
        Rope.class,
        op ->
            new PlainLayers.Rope(op) {
              @Override
              double angle(long position, double freq, int head) {
                return super.angle((long) Spoils.toBf16(position), freq, head);
              }
            });
    list.op(
        "rope-table-of-4096",
        "positions wrap at 4096",
        Rope.class,
        op ->
            new PlainLayers.Rope(op) {
              @Override
              double angle(long position, double freq, int head) {
                return super.angle(position & 4095, freq, head);
              }
            });
    list.op(
        "rope-head-3",
        "heads from the third on turn by the next position",
        Rope.class,
        op ->
            new PlainLayers.Rope(op) {
              @Override
              double angle(long position, double freq, int head) {
                return super.angle(position + (head >= 2 ? 1 : 0), freq, head);
              }
            });
  }

  private static GatedActivation as(CompositeOp.Gate from, CompositeOp.Gate to, GatedActivation o) {
    return o.gate() == from ? new GatedActivation(to) : o;
  }

  private static void gates(MutantList list) {
    list.op(
        "gelu-tanh-for-erf",
        "GELU by tanh in place of erf",
        GatedActivation.class,
        op ->
            new PlainLayers.Gated(as(CompositeOp.Gate.GEGLU_ERF, CompositeOp.Gate.GEGLU_TANH, op)));
    list.op(
        "gelu-erf-for-tanh",
        "GELU by erf in place of tanh",
        GatedActivation.class,
        op ->
            new PlainLayers.Gated(as(CompositeOp.Gate.GEGLU_TANH, CompositeOp.Gate.GEGLU_ERF, op)));
    list.op(
        "silu-for-gelu",
        "silu in place of GELU",
        GatedActivation.class,
        op -> new PlainLayers.Gated(as(CompositeOp.Gate.GEGLU_ERF, CompositeOp.Gate.SWIGLU, op)));
    list.op(
        "gate-halves-swapped",
        "the gate of up times gate",
        GatedActivation.class,
        op ->
            new PlainLayers.Gated(op) {
              @Override
              double product(double g, double u) {
                return gate(u) * g;
              }
            });
    list.op(
        "gate-up-lost",
        "the gate alone",
        GatedActivation.class,
        op ->
            new PlainLayers.Gated(op) {
              @Override
              double product(double g, double u) {
                return gate(g);
              }
            });
    list.op(
        "silu-without-gate",
        "sigmoid(g) u",
        GatedActivation.class,
        op ->
            new PlainLayers.Gated(op) {
              @Override
              double gate(double g) {
                return op.gate() == CompositeOp.Gate.SWIGLU
                    ? 1 / (1 + Math.exp(-g))
                    : super.gate(g);
              }
            });
    list.op(
        "gate-clamped",
        "the gate is at most 30",
        GatedActivation.class,
        op ->
            new PlainLayers.Gated(op) {
              @Override
              double gate(double g) {
                return Math.min(30, super.gate(g));
              }
            });
    list.op(
        "reglu-leaks",
        "0.01 g below zero",
        GatedActivation.class,
        op ->
            new PlainLayers.Gated(op) {
              @Override
              double gate(double g) {
                return op.gate() == CompositeOp.Gate.REGLU && g < 0 ? g / 100 : super.gate(g);
              }
            });
  }
}
