package dev.lamina.models;

import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.spi.WeightSpec.Use;
import dev.lamina.spi.ir.CompositeOp.MoeRoute;
import dev.lamina.spi.ir.CoreOp.BinaryKind;
import dev.lamina.spi.ir.CoreOp.CompareKind;
import dev.lamina.spi.ir.CoreOp.ReduceKind;
import dev.lamina.spi.ir.CoreOp.UnaryKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.Value;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Mixtures of experts: a router chooses, the chosen compute, their outputs are summed. */
public final class ExpertLayers {
  /** The last part of the name that stacks of gate and up in one have. */
  private static final String STACKED_GATE_UP = ".experts.gate_up_proj";

  private static final String STACKED_DOWN = ".experts.down_proj";

  private final Layers l;
  private final Ops graph;
  private final String module;
  private final MoeSpec spec;
  private final long hidden;

  private ExpertLayers(Layers l, String module, MoeSpec spec, long hidden) {
    this.l = l;
    this.graph = l.graph;
    this.module = module;
    this.spec = spec;
    this.hidden = spec.latent() == 0 ? hidden : spec.latent();
  }

  /**
   * A mixture of experts.
   *
   * @param l layers of the graph
   * @param x {@code [T, H]}, normed
   * @param module modules {@code router} and, below {@code experts}, {@code gate}, {@code up} and
   *     {@code down} (or {@code gateUp}) as stacks or with an expert's number between, or the
   *     stacks {@code gate_up_proj [E, 2 I, H]} and {@code down_proj [E, H, I]}, turned or not;
   *     {@code shared}, {@code sharedGate}, {@code latentIn}, {@code latentOut} and the vector
   *     {@code bias} if it has them
   * @param spec what the mixture does
   * @return {@code [T, H]}
   * @throws ModelException if a weight is missing or misshapen
   */
  public static Value mixture(Layers l, Value x, String module, MoeSpec spec)
      throws ModelException {
    long hidden = x.shape().dim(1).upperBound();
    return new ExpertLayers(l, module, spec, hidden).mixture(x);
  }

  /**
   * Who works on a token.
   *
   * @param ids I32 {@code [T, k]}, experts
   * @param weights {@code [T, k]}, of x's dtype
   */
  public record Choice(Value ids, Value weights) {}

  /**
   * Chooses experts.
   *
   * @param l layers of the graph
   * @param x {@code [T, H]}, normed
   * @param module module {@code router} below it, {@code selection} if a bias takes part
   * @param spec how they are chosen
   * @return who works on each token; numbers from E on stand for identities
   * @throws ModelException if a weight is missing or misshapen
   */
  public static Choice choice(Layers l, Value x, String module, MoeSpec spec)
      throws ModelException {
    return new ExpertLayers(l, module, spec, x.shape().dim(1).upperBound()).choice(x);
  }

  /**
   * A projection by the chosen experts' matrices.
   *
   * @param l layers of the graph
   * @param x {@code [T, K]}, or {@code [T, k, K]} if each chosen expert has an input of its own
   * @param module the stack {@code [E, N, K]}, or an expert's matrix with its number for the last
   *     part but one
   * @param experts E
   * @param chosen who
   * @param width N
   * @return {@code [T, k, N]}
   * @throws ModelException if a weight is missing or misshapen
   */
  public static Value linear(
      Layers l, Value x, String module, int experts, Choice chosen, long width)
      throws ModelException {
    long k = x.shape().dim(-1).upperBound();
    Value w = l.weights.stack(module + ".weight", experts, width, k);
    return l.graph.moeLinear(x, w, chosen.ids, null, l.activations);
  }

  private Choice choice(Value x) throws ModelException {
    MoeRoute route = spec.route();
    int members = spec.numExperts() + spec.identities();
    Value logits = l.linear(x, module + ".router", members, spec.routerBiased(), DType.F32);
    List<Value> chosen = graph.moeRoute(route, logits, route.biased() ? selectionBias() : null);
    Value ids = chosen.get(0);
    Value weights =
        spec.usesSparseMixer()
            ? SparseMixer.weights(graph, logits, ids, spec.mixerJitter())
            : chosen.get(1);
    return new Choice(ids, graph.cast(weights, x.dtype()));
  }

  private Value mixture(Value x) throws ModelException {
    Choice all = choice(x);
    Choice chosen = spec.identities() == 0 ? all : withoutIdentities(all);
    Value ids = chosen.ids;
    Shape rows = Shape.of(x.shape().dim(0), ids.shape().dim(1), Dim.of(hidden));
    Value each = graph.broadcast(chosen.weights, rows, 0, 1);

    boolean latent = spec.latent() > 0;
    Value in = latent ? l.linear(x, module + ".latentIn", hidden, spec.latentBiased()) : x;
    in = spec.weighsInput() ? graph.mul(graph.broadcast(in, rows, 0, 2), each) : in;
    Value inner = inner(in, ids);
    Value out = linear(inner, "down", ids, hidden, spec.expert().width());
    out = spec.weighsInput() ? out : graph.mul(out, each);
    Value sum = graph.reduce(ReduceKind.SUM, out, 1);
    long width = x.shape().dim(1).upperBound();
    if (latent) {
      sum = l.linear(sum, module + ".latentOut", width, spec.latentBiased());
    }
    if (spec.identities() > 0) {
      sum = graph.add(sum, graph.mul(x, graph.broadcast(shareOfIdentities(all), x.shape(), 0)));
    }
    if (spec.sumBiased()) {
      Value bias = l.weights.get(module + ".bias", Use.PLAIN, width);
      sum = RecurrentLayers.plusEach(graph, sum, graph.cast(bias, sum.dtype()));
    }
    return spec.shared() == null ? sum : graph.add(sum, shared(x, spec.shared()));
  }

  /** An identity's place goes to the last expert, with no weight. */
  private Choice withoutIdentities(Choice all) {
    Value last = graph.fillLike(all.ids, spec.numExperts() - 1);
    Value none = graph.fillLike(all.weights, 0);
    return new Choice(
        graph.binary(BinaryKind.MIN, all.ids, last),
        graph.select(identities(all), none, all.weights));
  }

  /** What identities weigh together, {@code [T]}. */
  private Value shareOfIdentities(Choice all) {
    Value none = graph.fillLike(all.weights, 0);
    return graph.reduce(ReduceKind.SUM, graph.select(identities(all), all.weights, none), 1);
  }

  private Value identities(Choice all) {
    return graph.compare(CompareKind.LE, graph.fillLike(all.ids, spec.numExperts()), all.ids);
  }

  /** Some keep it as one row. */
  private Value selectionBias() throws ModelException {
    String name = module + ".selection." + spec.biasName();
    StoredTensor stored = l.weights.stored(name);
    int members = spec.numExperts() + spec.identities();
    if (stored != null && stored.type().shape().rank() == 2) {
      return graph.view(l.weights.get(name, Use.PLAIN, 1, members), Dim.of(members));
    }
    return l.weights.get(name, Use.PLAIN, members);
  }

  private Value shared(Value x, MlpSpec network) throws ModelException {
    Value y = l.mlp(x, module + ".shared", network);
    if (!spec.sharedGated()) {
      return y;
    }
    Value gate = graph.unary(UnaryKind.SIGMOID, l.linear(x, module + ".sharedGate", 1, false));
    return graph.mul(y, graph.broadcast(graph.view(gate, x.shape().dim(0)), y.shape(), 0));
  }

  /** What goes into the down projection, {@code [T, k, I]}. */
  private Value inner(Value x, Value ids) throws ModelException {
    long width = spec.expert().width();
    if (spec.expert().form() == MlpSpec.Form.PLAIN) {
      return spec.expert().activation().of(graph, linear(x, "up", ids, width, hidden));
    }
    Value gate;
    Value up;
    if (spec.expert().form() == MlpSpec.Form.GATED_FUSED || stacked("gateUp") != null) {
      Value both = linear(x, "gateUp", ids, 2 * width, hidden);
      gate = graph.slice(both, 2, 0, Dim.of(width));
      up = graph.slice(both, 2, width, Dim.of(width));
    } else {
      gate = linear(x, "gate", ids, width, hidden);
      up = linear(x, "up", ids, width, hidden);
    }
    MoeSpec.Clamp clamp = spec.clamp();
    if (clamp == null) {
      return spec.expert().activation().gated(graph, gate, up);
    }
    gate = graph.binary(BinaryKind.MIN, gate, graph.fillLike(gate, clamp.limit()));
    up = graph.binary(BinaryKind.MIN, up, graph.fillLike(up, clamp.limit()));
    up = graph.binary(BinaryKind.MAX, up, graph.fillLike(up, -clamp.limit()));
    Value open = graph.unary(UnaryKind.SIGMOID, l.scale(gate, clamp.alpha()));
    return graph.mul(graph.add(up, graph.fillLike(up, 1)), graph.mul(gate, open));
  }

  private Value linear(Value x, String part, Value ids, long n, long k) throws ModelException {
    Value bias = spec.expert().biased() ? bias(part, n) : null;
    return graph.moeLinear(x, matrices(part, n, k), ids, bias, l.activations);
  }

  private Value matrices(String part, long n, long k) throws ModelException {
    String stack = stacked(part);
    if (stack != null) {
      return l.weights.get(stack, Use.LINEAR, spec.numExperts(), n, k);
    }
    String name = module + ".experts." + part + ".weight";
    StoredTensor stored = spec.isTurned() ? l.weights.stored(stackName(part)) : null;
    if (stored == null && (!spec.isTurned() || l.weights.names(name))) {
      return l.weights.stack(name, spec.numExperts(), n, k);
    }
    ExpertTensors.Columns columns = columns(part, n);
    if (stored == null) {
      // There is no other form, so this says that it is missing.
      stored = l.weights.needed(stackName(part), spec.numExperts(), k, columns.of());
    }
    boolean inBlocks = stored.type().isBlocked();
    if (inBlocks) {
      WeightTable.expect(stored, spec.numExperts(), columns.of(), k);
    } else {
      WeightTable.expect(stored, spec.numExperts(), k, columns.of());
    }
    ExpertTensors.Stack rows =
        inBlocks
            ? ExpertTensors.picked(stored, (int) n, columns)
            : ExpertTensors.turned(stored, (int) n, columns);
    return l.weights.made(name, rows, stored.name(), spec.numExperts(), n, k);
  }

  private String stackName(String part) {
    return module + (part.equals("down") ? STACKED_DOWN : STACKED_GATE_UP);
  }

  /** The name of a stack that is used where it lies, null if the checkpoint has none. */
  private @Nullable String stacked(String part) {
    String name = stackName(part);
    boolean lies = !spec.isTurned() && l.weights.names(name) && l.weights.stored(name) != null;
    return lies && !part.equals("gate") && !part.equals("up") ? name : null;
  }

  private ExpertTensors.Columns columns(String part, long n) {
    return switch (part) {
      case "down" -> new ExpertTensors.Columns(0, 1, n);
      case "gate" -> new ExpertTensors.Columns(0, spec.isInterleaved() ? 2 : 1, 2 * n);
      case "up" ->
          spec.isInterleaved()
              ? new ExpertTensors.Columns(1, 2, 2 * n)
              : new ExpertTensors.Columns((int) n, 1, 2 * n);
      default -> throw new AssertionError(part);
    };
  }

  /** Biases {@code [E, n]}, stored for gate and up together. */
  private Value bias(String part, long n) throws ModelException {
    long e = spec.numExperts();
    if (part.equals("down")) {
      return l.weights.get(module + STACKED_DOWN + "_bias", Use.PLAIN, e, n);
    }
    Value both = l.weights.get(module + STACKED_GATE_UP + "_bias", Use.PLAIN, e, 2 * n);
    int half = part.equals("gate") ? 0 : 1;
    if (!spec.isInterleaved()) {
      return graph.slice(both, 1, half * n, Dim.of(n));
    }
    Value pairs = graph.view(both, Dim.of(e), Dim.of(n), Dim.of(2));
    return graph.view(graph.slice(pairs, 2, half, Dim.of(1)), Dim.of(e), Dim.of(n));
  }
}
