package dev.lamina.models;

import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.WeightSpec.Use;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Value;
import java.util.Arrays;
import java.util.stream.IntStream;

/** The norms of a graph, over the stream or over heads. */
final class Norms {
  private final Ops graph;
  private final WeightTable weights;

  Norms(Ops graph, WeightTable weights) {
    this.graph = graph;
    this.weights = weights;
  }

  /** Norms the last axis of {@code x[.., D]} by the module's weights {@code [D]}. */
  Value norm(Value x, String module, Norm norm) throws ModelException {
    long width = x.shape().dim(-1).upperBound();
    double eps = norm.eps();
    return switch (norm.kind()) {
      case RMS -> graph.rmsNorm(x, weight(module, width), eps, false);
      case RMS_PLUS_ONE -> graph.rmsNorm(x, weight(module, width), eps, true);
      case RMS_PLAIN -> graph.rmsNorm(x, null, eps, false);
      case LAYER -> graph.layerNorm(x, weight(module, width), bias(module, width), eps);
      case LAYER_PLUS_ONE -> {
        Value w = graph.cast(weight(module, width), DType.F32);
        Value factors = graph.add(w, graph.fillLike(w, 1));
        yield graph.layerNorm(x, factors, bias(module, width), eps);
      }
      case LAYER_UNBIASED -> graph.layerNorm(x, weight(module, width), null, eps);
      case LAYER_PLAIN -> {
        float[] ones = new float[(int) width];
        Arrays.fill(ones, 1);
        yield graph.layerNorm(x, weights.constant("norm.ones", ones), null, eps);
      }
    };
  }

  private Value weight(String module, long width) throws ModelException {
    return weights.get(module + ".weight", Use.PLAIN, width);
  }

  private Value bias(String module, long width) throws ModelException {
    return weights.get(module + ".bias", Use.PLAIN, width);
  }

  /** Norms heads {@code x[T, heads, D]}. */
  Value heads(Value x, String module, QkNorm qk) throws ModelException {
    Dim t = x.shape().dim(0);
    Dim count = x.shape().dim(1);
    Dim d = x.shape().dim(2);
    long heads = count.upperBound();
    return switch (qk.span()) {
      case HEAD -> norm(x, module, qk.norm());
      case WIDTH -> {
        Value flat = graph.view(x, t, Dim.of(heads * d.upperBound()));
        yield graph.view(norm(flat, module, qk.norm()), t, count, d);
      }
      case OWN_HEAD -> {
        Value w = weights.get(module + ".weight", Use.PLAIN, heads, d.upperBound());
        yield timesEach(norm(x, module, qk.norm().plain()), w);
      }
      case OWN_TENSOR -> {
        Value[] each = new Value[(int) heads];
        for (int i = 0; i < heads; i++) {
          each[i] = graph.view(weight(module + "." + i, d.upperBound()), Dim.of(1), d);
        }
        yield timesEach(norm(x, module, qk.norm().plain()), graph.concat(0, each));
      }
    };
  }

  /** Multiplies {@code x[T, ..]} by {@code w[..]}, the same for every token. */
  private Value timesEach(Value x, Value w) {
    int[] axes = IntStream.range(1, x.shape().rank()).toArray();
    DType dtype = x.dtype();
    Value like = w.dtype() == dtype ? w : graph.cast(w, dtype);
    return graph.mul(x, graph.broadcast(like, x.shape(), axes));
  }
}
