package dev.lamina.models;

import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.models.checkpoint.TensorSource;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The text model's tensors of a checkpoint that sees or hears as well, by the names that the text
 * model alone has. Safe for many threads.
 */
final class TextTensors implements TensorSource {
  private static final String MODEL = "model.";
  private static final String HEAD = "lm_head.";

  /** What stands in front of the text model's own names: those of today, and of before. */
  private enum Prefixes {
    INSIDE("model.language_model.", ""),
    OUTSIDE("language_model.model.", "language_model.");

    private final String model;
    private final String head;

    Prefixes(String model, String head) {
      this.model = model;
      this.head = head;
    }

    private boolean has(String name) {
      return name.startsWith(model) || name.startsWith(head + HEAD);
    }

    private String of(String name) {
      if (name.startsWith(MODEL)) {
        return model + name.substring(MODEL.length());
      }
      return name.startsWith(HEAD) ? head + name : name;
    }
  }

  private final TensorSource all;
  private final Prefixes prefixes;
  private final List<StoredTensor> text = new ArrayList<>();

  private TextTensors(TensorSource all, Prefixes prefixes) {
    this.all = all;
    this.prefixes = prefixes;
    List<StoredTensor> rest = new ArrayList<>();
    for (StoredTensor t : all.tensors()) {
      (prefixes.has(t.name()) ? text : rest).add(t);
    }
    if (!rest.isEmpty()) {
      System.getLogger(TextTensors.class.getName())
          .log(
              System.Logger.Level.WARNING,
              "load {0}: only the text model is run, {1} tensors of other parts are left out, the"
                  + " first is ''{2}''",
              all.origin(),
              rest.size(),
              rest.getFirst().name());
    }
  }

  /**
   * Leaves the other parts out.
   *
   * @param all tensors of the checkpoint
   * @return the text model's; {@code all} if they have their own names already
   */
  static TensorSource of(TensorSource all) {
    for (Prefixes p : Prefixes.values()) {
      if (all.tensors().stream().anyMatch(t -> t.name().startsWith(p.model))) {
        return new TextTensors(all, p);
      }
    }
    return all;
  }

  @Override
  public String origin() {
    return all.origin();
  }

  @Override
  public List<StoredTensor> tensors() {
    return List.copyOf(text);
  }

  @Override
  public @Nullable StoredTensor find(String name) {
    // What was found before is asked for by the name it has in the file, too.
    return all.find(prefixes.has(name) ? name : prefixes.of(name));
  }

  @Override
  public void close() {
    all.close();
  }
}
