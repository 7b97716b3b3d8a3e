package dev.lamina.backend.reference.mutant;

import dev.lamina.spi.ir.CompositeOp.MoeLinear;
import dev.lamina.spi.ir.CompositeOp.MoeRoute;
import java.util.Arrays;

/** Choice of experts, and projections by the chosen. */
final class ExpertMutants {
  private ExpertMutants() {}

  static void addTo(MutantList list) {
    list.area("choice of experts", "moe_route/*");
    keys(list);
    weights(list);
    list.area("projection by experts", "moe_linear/*");
    projections(list);
  }

  private static void keys(MutantList list) {
    list.op(
        "moe-tie-order",
        "of equal router logits the highest expert wins",
        MoeRoute.class,
        op ->
            new PlainExperts.Route(op) {
              @Override
              boolean isBetter(double key, double other) {
                return key >= other;
              }
            });
    list.op(
        "moe-bias-lost",
        "the selection bias does not count",
        MoeRoute.class,
        op ->
            new PlainExperts.Route(op) {
              @Override
              double[] keys(double[] logits, double[] scores, double[] bias) {
                return super.keys(logits, scores, new double[experts]);
              }
            });
    list.op(
        "moe-bias-on-logits",
        "the selection bias is added to the logit, not to the score",
        MoeRoute.class,
        op ->
            new PlainExperts.Route(op) {
              @Override
              double[] keys(double[] logits, double[] scores, double[] bias) {
                return super.keys(logits, op.biased() ? logits : scores, bias);
              }
            });
    list.op(
        "moe-keys-saturate",
        "experts are chosen by scores in F32, which are alike where logits are not",
        MoeRoute.class,
        op ->
            new PlainExperts.Route(op) {
              @Override
              double[] keys(double[] logits, double[] scores, double[] bias) {
                double[] rounded = Arrays.stream(scores).map(v -> (float) v).toArray();
                return super.keys(op.biased() ? logits : rounded, scores, bias);
              }
            });
    list.op(
        "moe-groups-ignored",
        "experts of all groups may be chosen",
        MoeRoute.class,
        op ->
            new PlainExperts.Route(op) {
              @Override
              int topkGroups() {
                return op.groups();
              }
            });
    list.op(
        "moe-group-too-few",
        "one group fewer stays",
        MoeRoute.class,
        op ->
            new PlainExperts.Route(op) {
              @Override
              int topkGroups() {
                return Math.max(1, op.topkGroups() - 1);
              }
            });
    list.op(
        "moe-group-by-one",
        "a group is judged by its largest key where two count",
        MoeRoute.class,
        op ->
            new PlainExperts.Route(op) {
              @Override
              double judged(double[] group) {
                return Arrays.stream(group).max().orElse(0);
              }
            });
    list.op(
        "moe-group-by-all",
        "a group is judged by the sum of its keys",
        MoeRoute.class,
        op ->
            new PlainExperts.Route(op) {
              @Override
              double judged(double[] group) {
                return Arrays.stream(group).sum();
              }
            });
  }

  private static void weights(MutantList list) {
    list.op(
        "moe-bias-in-weights",
        "the selection bias takes part in the weights",
        MoeRoute.class,
        op ->
            new PlainExperts.Route(op) {
              @Override
              double weight(double score, double bias) {
                return score + bias;
              }
            });
    list.op(
        "moe-weights-unnormalised",
        "weights of the chosen experts do not sum to 1",
        MoeRoute.class,
        op ->
            new PlainExperts.Route(op) {
              @Override
              boolean normalises() {
                return false;
              }
            });
    list.op(
        "moe-weights-normalised",
        "weights sum to 1 where they need not",
        MoeRoute.class,
        op ->
            new PlainExperts.Route(op) {
              @Override
              boolean normalises() {
                return true;
              }
            });
    list.op(
        "moe-scale-lost",
        "weights are not scaled",
        MoeRoute.class,
        op ->
            new PlainExperts.Route(op) {
              @Override
              double weight(double score, double bias) {
                return op.normalised() ? score : score / op.scale();
              }

              @Override
              boolean normalises() {
                return false;
              }
            });
    list.op(
        "moe-softmax-unshifted",
        "the largest logit is not subtracted before the exponential in F32",
        MoeRoute.class,
        op ->
            new PlainExperts.Route(op) {
              @Override
              double[] scores(double[] logits) {
                double[] right = super.scores(logits);
                float sum = 0;
                for (double v : logits) {
                  sum += (float) Math.exp(v);
                }
                float total = sum;
                return op.score() == dev.lamina.spi.ir.CompositeOp.RouteScore.SIGMOID
                    ? right
                    : Arrays.stream(logits).map(v -> (float) Math.exp(v) / total).toArray();
              }
            });
  }

  private static void projections(MutantList list) {
    list.op(
        "moe-empty-expert",
        "an expert without tokens shifts the offsets of those behind it",
        MoeLinear.class,
        op ->
            new PlainExperts.Linear(op) {
              @Override
              int expert(int id, int[] tokens) {
                int filled = 0;
                for (int e = 0; e < id; e++) {
                  filled += tokens[e] > 0 ? 1 : 0;
                }
                return filled;
              }
            });
    list.op(
        "moe-expert-one-off",
        "the matrix of the next expert, the last one's own",
        MoeLinear.class,
        op ->
            new PlainExperts.Linear(op) {
              @Override
              int expert(int id, int[] tokens) {
                return Math.min(experts - 1, id + 1);
              }
            });
    list.op(
        "moe-crowded-expert",
        "tokens beyond the 16th of an expert go to its neighbour",
        MoeLinear.class,
        op ->
            new PlainExperts.Linear(op) {
              @Override
              int expert(int id, int[] tokens) {
                return tokens[id] > 16 ? (id + 1) % experts : id;
              }
            });
    list.op(
        "moe-padding-leaks",
        "an id below 0 gives the bias's place a value",
        MoeLinear.class,
        op ->
            new PlainExperts.Linear(op) {
              @Override
              double padding(int n) {
                return n == width - 1 ? 1 : 0;
              }
            });
    list.op(
        "moe-own-rows-shared",
        "all choices read the first one's row",
        MoeLinear.class,
        op ->
            new PlainExperts.Linear(op) {
              @Override
              long ownRow(int choice, int k) {
                return choice - choice % k;
              }
            });
    list.op(
        "moe-bias-of-choice",
        "the bias of expert j for choice j",
        MoeLinear.class,
        op ->
            new PlainExperts.Linear(op) {
              @Override
              long biasRow(int expert, int choice, int k) {
                return Math.min(experts - 1, choice % k);
              }
            });
  }
}
