package dev.lamina.models.lora;

import dev.lamina.models.LoraModule;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.models.safetensors.SafetensorsCheckpoint;
import dev.lamina.spi.ir.DType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A mapped PEFT adapter: for each module it changes, {@code A [rank, in]}, {@code B [out, rank]}
 * and a scale; the module adds {@code scale * B (A x)}. Safe for many threads until closed.
 */
public final class LoraAdapter implements AutoCloseable {
  private static final Pattern NAME =
      Pattern.compile("(?:base_model\\.model\\.)?(.+)\\.lora_([AB])(?:\\.default)?\\.weight");
  private static final Set<DType> FLOATS = Set.of(DType.F32, DType.F16, DType.BF16);

  private final String origin;
  private final LoraConfig config;
  private final SafetensorsCheckpoint tensors;
  private final Map<String, Pair> pairs;

  /** The two matrices of a module, the factor in between. */
  record Pair(StoredTensor a, StoredTensor b, double scale) {
    int rank() {
      return (int) a.type().shape().dim(0).upperBound();
    }
  }

  private LoraAdapter(
      String origin, LoraConfig config, SafetensorsCheckpoint tensors, Map<String, Pair> pairs) {
    this.origin = origin;
    this.config = config;
    this.tensors = tensors;
    this.pairs = pairs;
  }

  /**
   * Opens a folder with {@code adapter_config.json} and {@code adapter_model.safetensors}.
   *
   * @param folder as PEFT saves it
   * @return the adapter; the caller closes it
   * @throws ModelException if a file is missing or malformed, or says what is not built; one line
   */
  public static LoraAdapter open(Path folder) throws ModelException {
    Path file = folder.resolve("adapter_model.safetensors");
    if (!Files.isRegularFile(folder.resolve("adapter_config.json")) || !Files.isRegularFile(file)) {
      throw new ModelException(
          "adapter %s: expected a folder with adapter_config.json and adapter_model.safetensors, got %s; check the path"
              .formatted(
                  folder,
                  Files.isDirectory(folder)
                      ? "a folder without them"
                      : Files.exists(folder) ? "a file" : "nothing there"));
    }
    LoraConfig config = LoraConfig.parse(ModelConfig.read(folder.resolve("adapter_config.json")));
    SafetensorsCheckpoint tensors = SafetensorsCheckpoint.open(file);
    try {
      return new LoraAdapter(folder.toString(), config, tensors, pairs(config, tensors));
    } catch (ModelException | RuntimeException e) {
      tensors.close();
      throw e;
    }
  }

  private static Map<String, Pair> pairs(LoraConfig config, SafetensorsCheckpoint tensors)
      throws ModelException {
    Map<String, StoredTensor> as = new TreeMap<>();
    Map<String, StoredTensor> bs = new TreeMap<>();
    for (StoredTensor t : tensors.tensors()) {
      Matcher m = NAME.matcher(t.name());
      if (!m.matches()) {
        throw refuse(t, "the lora_A or lora_B matrix of a projection", "another kind of weight");
      }
      if (!FLOATS.contains(t.type().dtype()) || t.type().shape().rank() != 2) {
        throw refuse(t, "a matrix of f32, f16 or bf16", t.format() + t.type().shape());
      }
      (m.group(2).equals("A") ? as : bs).put(m.group(1), t);
    }
    Map<String, Pair> pairs = new TreeMap<>();
    for (Map.Entry<String, StoredTensor> e : as.entrySet()) {
      StoredTensor b = bs.remove(e.getKey());
      if (b == null) {
        throw refuse(e.getValue(), "lora_B of the module beside it", "no such tensor");
      }
      int rank = config.rank(e.getKey());
      checkRank(e.getValue(), 0, rank);
      checkRank(b, 1, rank);
      pairs.put(e.getKey(), new Pair(e.getValue(), b, config.scale(e.getKey())));
    }
    if (!bs.isEmpty()) {
      StoredTensor b = bs.values().iterator().next();
      throw refuse(b, "lora_A of the module beside it", "no such tensor");
    }
    if (pairs.isEmpty()) {
      throw new ModelException(
          "adapter %s: expected matrices of adapted modules, got an empty file; save it again"
              .formatted(tensors.origin()));
    }
    return pairs;
  }

  private static void checkRank(StoredTensor t, int axis, int rank) throws ModelException {
    if (t.type().shape().dim(axis).upperBound() != rank) {
      throw refuse(
          t, "rank %d, as adapter_config.json says".formatted(rank), t.type().shape().toString());
    }
  }

  private static ModelException refuse(StoredTensor t, String expected, String got) {
    return new ModelException(
        "adapter %s: tensor '%s': expected %s, got %s; save the adapter again, with LoRA only"
            .formatted(t.origin(), t.name(), expected, got));
  }

  /**
   * The modules it changes.
   *
   * @return by the checkpoint's names without {@code .weight}
   */
  public Set<String> modules() {
    return pairs.keySet();
  }

  /**
   * Largest rank of its modules.
   *
   * @return at least 1
   */
  public int rank() {
    return pairs.values().stream().map(Pair::rank).max(Comparator.naturalOrder()).orElseThrow();
  }

  /** The matrices of a module, null if it leaves it as it is. */
  @Nullable Pair pair(String module) {
    return pairs.get(module);
  }

  /**
   * Checks that a model has the modules, of these shapes.
   *
   * @param model what to call it
   * @param adaptable its modules that the adapter names
   * @throws ModelException if one is missing or of another shape; one line
   */
  public void checkFits(String model, List<LoraModule> adaptable) throws ModelException {
    Map<String, LoraModule> byName = new TreeMap<>();
    adaptable.forEach(m -> byName.put(m.name(), m));
    for (Map.Entry<String, Pair> e : pairs.entrySet()) {
      LoraModule m = byName.get(e.getKey());
      if (m == null) {
        throw misfit("module '%s'".formatted(e.getKey()), model, "no such projection");
      }
      Pair p = e.getValue();
      checkWidth(p.a, 1, m.in(), model);
      checkWidth(p.b, 0, m.out(), model);
    }
  }

  private void checkWidth(StoredTensor t, int axis, long width, String model)
      throws ModelException {
    if (t.type().shape().dim(axis).upperBound() != width) {
      throw misfit(
          "tensor '%s' of shape %s".formatted(t.name(), t.type().shape()), model, "width " + width);
    }
  }

  private ModelException misfit(String what, String model, String has) {
    return new ModelException(
        "adapter %s: %s: expected one that fits the model, %s has %s there; the adapter was made for %s"
            .formatted(origin, what, model, has, config.base()));
  }

  /** Unmaps the file; idempotent. */
  @Override
  public void close() {
    tensors.close();
  }
}
