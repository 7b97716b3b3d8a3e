package dev.lamina.models;

import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.ir.CompositeOp.GroupScore;
import dev.lamina.spi.ir.CompositeOp.MoeRoute;
import dev.lamina.spi.ir.CompositeOp.RouteScore;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What a mixture of experts does. Immutable; starts as the sum of the chosen experts' networks by
 * their weights, and each {@code with} says one thing more.
 */
public final class MoeSpec {
  private final int numExperts;
  private final MlpSpec expert;
  private MoeRoute route;
  private boolean routerBiased;
  private @Nullable MlpSpec shared;
  private boolean sharedGated;
  private String biasName = "e_score_correction_bias";
  private boolean weighsInput;
  private boolean turned;
  private boolean interleaved;
  private @Nullable Clamp clamp;
  private double mixerJitter = -1;
  private int latent;
  private boolean latentBiased;
  private boolean sumBiased;
  private int identities;

  /**
   * A gate that is bounded: with {@code g = min(gate, limit)} and up clamped to {@code -limit} to
   * {@code limit}, {@code (up + 1) * g * sigmoid(alpha * g)}.
   *
   * @param limit bound on both
   * @param alpha factor inside the sigmoid
   */
  public record Clamp(double limit, double alpha) {}

  /**
   * Experts that are networks of one kind.
   *
   * @param numExperts E
   * @param expert each one's network; fused if gate and up are one stack {@code gateUp}
   * @param chosen experts a token
   * @param score what makes logits scores
   * @param normalised whether the weights of the chosen sum to 1
   */
  public MoeSpec(int numExperts, MlpSpec expert, int chosen, RouteScore score, boolean normalised) {
    this(
        numExperts,
        expert,
        new MoeRoute(chosen, score, false, 1, 1, GroupScore.MAX, normalised, 1));
  }

  private MoeSpec(int numExperts, MlpSpec expert, MoeRoute route) {
    this.numExperts = numExperts;
    this.expert = expert;
    this.route = route;
  }

  private MoeSpec with(Consumer<MoeSpec> change) {
    MoeSpec copy = new MoeSpec(numExperts, expert, route);
    copy.routerBiased = routerBiased;
    copy.shared = shared;
    copy.sharedGated = sharedGated;
    copy.biasName = biasName;
    copy.weighsInput = weighsInput;
    copy.turned = turned;
    copy.interleaved = interleaved;
    copy.clamp = clamp;
    copy.mixerJitter = mixerJitter;
    copy.latent = latent;
    copy.latentBiased = latentBiased;
    copy.sumBiased = sumBiased;
    copy.identities = identities;
    change.accept(copy);
    return copy;
  }

  /**
   * Reads how many experts a token has.
   *
   * @param config a model's configuration
   * @param key such as {@code num_experts_per_tok}
   * @param absent value if the key is absent
   * @param experts E
   * @return the number
   * @throws ModelException if there are more than experts
   */
  public static int chosen(ModelConfig config, String key, int absent, int experts)
      throws ModelException {
    int chosen = config.positiveInt(key, absent);
    if (chosen > experts) {
      throw config.refuse(key, "at most the number of experts, " + experts);
    }
    return chosen;
  }

  /**
   * This choosing as DeepSeek V3 does, by the keys {@code n_group}, {@code topk_group} and {@code
   * routed_scaling_factor}: a bias {@code e_score_correction_bias} takes part in the choice, groups
   * are judged by their two best experts.
   *
   * @param config a model's configuration
   * @param groups value if {@code n_group} is absent
   * @param stay value if {@code topk_group} is absent
   * @param scale value if {@code routed_scaling_factor} is absent
   * @return a new spec
   * @throws ModelException if a key does not fit the experts
   */
  public MoeSpec withBiasedGroups(ModelConfig config, int groups, int stay, double scale)
      throws ModelException {
    return withGroups(config, groups, stay, scale, true, GroupScore.TOP2_SUM);
  }

  /**
   * This with another name of the bias that takes part in the choice.
   *
   * @param name below module {@code selection}
   * @return a new spec
   */
  public MoeSpec withBiasName(String name) {
    return with(s -> s.biasName = name);
  }

  /**
   * This with weights times {@code routed_scaling_factor}, whatever groups it names.
   *
   * @param config has the factor, 1 if absent
   * @return a new spec
   * @throws ModelException if it is malformed
   */
  public MoeSpec withGreedyChoice(ModelConfig config) throws ModelException {
    double factor = config.numberAbove("routed_scaling_factor", 0, 1);
    MoeRoute r = route;
    return with(s ->
        s.route =
            new MoeRoute(r.k(), r.score(), false, 1, 1, GroupScore.MAX, r.normalised(), factor));
  }

  /**
   * This choosing within groups.
   *
   * @param config has {@code n_group}, {@code topk_group} and {@code routed_scaling_factor}
   * @param groups value if {@code n_group} is absent
   * @param stay value if {@code topk_group} is absent
   * @param scale value if {@code routed_scaling_factor} is absent
   * @param biased whether a bias takes part in the choice
   * @param by how groups are judged
   * @return a new spec
   * @throws ModelException if a key does not fit the experts
   */
  public MoeSpec withGroups(
      ModelConfig config, int groups, int stay, double scale, boolean biased, GroupScore by)
      throws ModelException {
    int n = config.has("n_group") ? config.positiveInt("n_group") : groups;
    if (numExperts % n != 0 || n > 1 && by == GroupScore.TOP2_SUM && numExperts / n < 2) {
      throw config.refuse("n_group", "a number that cuts %d experts evenly".formatted(numExperts));
    }
    int kept = config.has("topk_group") ? config.positiveInt("topk_group") : stay;
    if (kept > n || route.k() > kept * (numExperts / n)) {
      throw config.refuse(
          "topk_group", "at most n_group, %d, and enough for %d experts".formatted(n, route.k()));
    }
    double factor = config.numberAbove("routed_scaling_factor", 0, scale);
    return with(s ->
        s.route =
            new MoeRoute(
                route.k(), route.score(), biased, n, kept, by, route.normalised(), factor));
  }

  /**
   * This with a bias on the router's logits.
   *
   * @return a new spec
   */
  public MoeSpec withRouterBias() {
    return with(s -> s.routerBiased = true);
  }

  /**
   * This with a network that every token has, {@code shared}.
   *
   * @param network what it does
   * @param gated whether a sigmoid of one more projection, {@code sharedGate}, weighs it
   * @return a new spec
   */
  public MoeSpec withShared(MlpSpec network, boolean gated) {
    return with(s -> {
      s.shared = network;
      s.sharedGated = gated;
    });
  }

  /**
   * This with experts whose input is weighed, not their output.
   *
   * @return a new spec
   */
  public MoeSpec weighingInput() {
    return with(s -> s.weighsInput = true);
  }

  /**
   * This with stacks that are stored as {@code [E, in, out]}.
   *
   * @return a new spec
   */
  public MoeSpec turned() {
    return with(s -> s.turned = true);
  }

  /**
   * This with columns of gate and up in turn where they are stored as one turned matrix.
   *
   * @return a new spec
   */
  public MoeSpec interleaved() {
    return with(s -> s.interleaved = true);
  }

  /**
   * This with two experts that are chosen and weighed one after the other (SparseMixer,
   * arXiv:2409.12136).
   *
   * @param jitter half the distance from the best logit, as a share, up to which others count
   * @return a new spec
   */
  public MoeSpec withSparseMixer(double jitter) {
    return with(s -> s.mixerJitter = jitter);
  }

  /**
   * This with a bounded gate.
   *
   * @param bound the bounds
   * @return a new spec
   */
  public MoeSpec withClamp(Clamp bound) {
    return with(s -> s.clamp = bound);
  }

  /**
   * This with experts that see a narrower vector, {@code latentIn} before and {@code latentOut}
   * behind them; the router and the shared network see the whole one.
   *
   * @param width of the narrower vector
   * @param biased whether the two projections add a bias
   * @return a new spec
   */
  public MoeSpec withLatent(int width, boolean biased) {
    return with(s -> {
      s.latent = width;
      s.latentBiased = biased;
    });
  }

  /**
   * This with a vector that is added to the sum, {@code bias}.
   *
   * @return a new spec
   */
  public MoeSpec withSumBias() {
    return with(s -> s.sumBiased = true);
  }

  /**
   * This with more members to choose from that give their input as it is (zero-computation experts,
   * arXiv:2410.07348); the router numbers them behind the experts.
   *
   * @param count how many
   * @return a new spec
   */
  public MoeSpec withIdentities(int count) {
    return with(s -> s.identities = count);
  }

  /**
   * E.
   *
   * @return number of experts
   */
  public int numExperts() {
    return numExperts;
  }

  MlpSpec expert() {
    return expert;
  }

  MoeRoute route() {
    return route;
  }

  boolean routerBiased() {
    return routerBiased;
  }

  @Nullable MlpSpec shared() {
    return shared;
  }

  String biasName() {
    return biasName;
  }

  boolean sharedGated() {
    return sharedGated;
  }

  boolean weighsInput() {
    return weighsInput;
  }

  boolean isTurned() {
    return turned;
  }

  boolean isInterleaved() {
    return interleaved;
  }

  int latent() {
    return latent;
  }

  boolean latentBiased() {
    return latentBiased;
  }

  boolean sumBiased() {
    return sumBiased;
  }

  int identities() {
    return identities;
  }

  boolean usesSparseMixer() {
    return mixerJitter >= 0;
  }

  double mixerJitter() {
    return mixerJitter;
  }

  @Nullable Clamp clamp() {
    return clamp;
  }
}
