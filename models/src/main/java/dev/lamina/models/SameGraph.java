package dev.lamina.models;

import dev.lamina.models.checkpoint.GenerationConfig;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.GraphText;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Holds a configuration that went through a file to the one it was, by the graphs of both: whatever
 * a kind of file cannot say shows there.
 */
final class SameGraph {
  /** Files state numbers in F32. */
  private static final double CLOSE = 1e-6;

  private static final Pattern NUMBER = Pattern.compile("-?\\d+(\\.\\d+)?([eE]-?\\d+)?");

  private SameGraph() {}

  /** Refuses to write a file that would not be the model. */
  static void check(Checkpoint model, ModelConfig said) throws ModelException {
    boolean tied = model.tensors().find("lm_head.weight") == null;
    String own = model.config().textWithout("tie_word_embeddings");
    ModelConfig before =
        ModelConfig.parse(
            model.config().origin(),
            "{\"tie_word_embeddings\":%s,%s".formatted(tied, own.strip().substring(1)));
    List<String> expected = lines(before);
    List<String> got = lines(said);
    for (int i = 0; i < Math.max(expected.size(), got.size()); i++) {
      String a = i < expected.size() ? expected.get(i) : "an end";
      String b = i < got.size() ? got.get(i) : "an end";
      if (!alike(a, b)) {
        throw new ModelException(
            "convert %s: config.json: expected what GGUF files of %s can say, got a graph with '%s' where the file's would have '%s'; keep the model as safetensors"
                .formatted(model.name(), model.modelType(), a.strip(), b.strip()));
      }
    }
  }

  /** A model's graph, and the numbers that the host computed for it. */
  private static List<String> lines(ModelConfig config) throws ModelException {
    String name = config.string("model_type");
    try (Checkpoint c =
        new Checkpoint(
            name,
            config,
            ModelFamilies.parse(config),
            GenerationConfig.of(config),
            new SyntheticTensors(name, DType.BF16, 1))) {
      ModelPlan plan = ModelPlan.of(c, ModelOptions.DEFAULT);
      List<String> lines = new ArrayList<>(GraphText.print(plan.graph()).lines().toList());
      // Its first line has the family's name, of which a file may have another.
      lines.removeFirst();
      for (WeightTable.Planned w : plan.weights()) {
        if (c.tensors().find(w.spec().name()) == null) {
          for (float v : w.data().toArray(ValueLayout.JAVA_FLOAT)) {
            lines.add(w.input() + " " + v);
          }
        }
      }
      return lines;
    }
  }

  private static boolean alike(String a, String b) {
    if (a.equals(b)) {
      return true;
    }
    Matcher x = NUMBER.matcher(a);
    Matcher y = NUMBER.matcher(b);
    while (x.find()) {
      if (!y.find()) {
        return false;
      }
      double p = Double.parseDouble(x.group());
      double q = Double.parseDouble(y.group());
      if (Math.abs(p - q) > CLOSE * Math.abs(p)) {
        return false;
      }
    }
    return NUMBER.matcher(a).replaceAll("#").equals(NUMBER.matcher(b).replaceAll("#"));
  }
}
