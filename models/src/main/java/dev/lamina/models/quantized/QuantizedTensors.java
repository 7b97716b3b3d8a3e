package dev.lamina.models.quantized;

import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.models.checkpoint.TensorSource;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The tensors of a checkpoint with a {@code quantization_config}: each quantised matrix as one
 * tensor by the name of the plain one, all others as they are. Which matrices are quantised shows
 * by the tensors that are there, so lists of exceptions are not read. Safe for many threads.
 */
public final class QuantizedTensors implements TensorSource {
  /** What a configuration calls the way its checkpoint is quantised. */
  public static final String KEY = "quantization_config";

  private static final List<String> METHODS =
      List.of("fp8", "fbgemm_fp8", "gptq", "awq", "compressed-tensors", "mxfp4");

  /** What stands beside the codes of a matrix. */
  private static final Set<String> PARTS =
      Set.of(
          "weight",
          "weight_packed",
          "weight_scale",
          "weight_scale_inv",
          "weight_scale_ub",
          "weight_zero_point",
          "weight_global_scale",
          "weight_shape",
          "weight_g_idx",
          "input_scale",
          "input_scale_ub",
          "input_zero_point",
          "input_global_scale",
          "activation_scale",
          "qweight",
          "qzeros",
          "scales",
          "g_idx");

  private final TensorSource files;
  private final String method;
  private final int zeroOffset;
  private final int @Nullable [] block;
  private final boolean asFloats;
  private final Map<String, StoredTensor> byName = new LinkedHashMap<>();

  private QuantizedTensors(TensorSource files, ModelConfig quantization, boolean asFloats)
      throws ModelException {
    this.files = files;
    this.asFloats = asFloats;
    method = quantization.string("quant_method");
    if (!METHODS.contains(method)) {
      throw quantization.refuse("quant_method", "one of " + String.join(", ", METHODS));
    }
    zeroOffset = quantization.string("checkpoint_format", "gptq").equals("gptq_v2") ? 0 : 1;
    block = block(quantization);
    if (method.equals("gptq") || method.equals("awq")) {
      if (quantization.positiveInt("bits") != 4) {
        throw quantization.refuse("bits", "4, others are not built");
      }
      if (!quantization.string("version", "gemm").equalsIgnoreCase("gemm")) {
        throw quantization.refuse("version", "gemm, others are not built");
      }
    }
    for (StoredTensor t : files.tensors()) {
      add(t);
    }
  }

  /**
   * Wraps a checkpoint if its configuration says that it is quantised.
   *
   * @param config its {@code config.json}
   * @param files its tensors, closed if they are refused
   * @return the tensors as models need them; closing them closes the files
   * @throws ModelException if the method is not built or a tensor is missing or misshapen; one line
   */
  public static TensorSource of(ModelConfig config, TensorSource files) throws ModelException {
    return of(config, files, false);
  }

  /**
   * The same with each matrix widened to F32 when it is asked for, to be written in another form.
   *
   * @param config its {@code config.json}
   * @param files its tensors, closed if they are refused
   * @return the tensors; closing them closes the files
   * @throws ModelException as {@link #of}
   */
  public static TensorSource asFloats(ModelConfig config, TensorSource files)
      throws ModelException {
    return of(config, files, true);
  }

  private static TensorSource of(ModelConfig config, TensorSource files, boolean asFloats)
      throws ModelException {
    try {
      ModelConfig quantization = config.object(KEY);
      return quantization == null ? files : new QuantizedTensors(files, quantization, asFloats);
    } catch (ModelException | RuntimeException e) {
      files.close();
      throw e;
    }
  }

  private static int @Nullable [] block(ModelConfig quantization) throws ModelException {
    List<Integer> sizes = quantization.integers("weight_block_size");
    if (sizes.isEmpty()) {
      return null;
    }
    if (sizes.size() != 2 || sizes.contains(0)) {
      throw quantization.refuse("weight_block_size", "rows and columns, each at least 1");
    }
    return new int[] {sizes.get(0), sizes.get(1)};
  }

  private void add(StoredTensor t) throws ModelException {
    String name = t.name();
    if (name.endsWith("_blocks") && files.find(stem(name, "_blocks") + "_scales") != null) {
      String stack = stem(name, "_blocks");
      put(MxFp4.stack(stack, t, needed(stack + "_scales")), t);
      return;
    }
    if (name.endsWith("_scales") && files.find(stem(name, "_scales") + "_blocks") != null) {
      return;
    }
    int dot = name.lastIndexOf('.');
    String module = name.substring(0, dot + 1);
    String part = name.substring(dot + 1);
    switch (part) {
      case "qweight", "weight_packed" -> matrix(t, module);
      case "weight" -> {
        if (scale(module) == null) {
          put(t, t);
        } else {
          matrix(t, module);
        }
      }
      default -> {
        if (!isPart(module, part)) {
          put(t, t);
        }
      }
    }
  }

  /** Whether a tensor only belongs to the codes of its module. */
  private boolean isPart(String module, String part) {
    boolean quantised =
        files.find(module + "qweight") != null
            || files.find(module + "weight_packed") != null
            || scale(module) != null;
    return quantised && PARTS.contains(part);
  }

  private @Nullable StoredTensor scale(String module) {
    StoredTensor inverse = files.find(module + "weight_scale_inv");
    return inverse == null ? files.find(module + "weight_scale") : inverse;
  }

  private void matrix(StoredTensor codes, String module) throws ModelException {
    PackedMatrix packed = packed(codes, module);
    PackedMatrix m = asFloats ? packed.withoutBlocks() : packed;
    long bytes =
        PARTS.stream()
            .map(part -> files.find(module + part))
            .flatMap(Stream::ofNullable)
            .mapToLong(StoredTensor::storedBytes)
            .sum();
    StoredTensor whole = stored(module + "weight", m, bytes, codes);
    PackedMatrix.Sorted sorted = m.sorted();
    put(
        sorted == null
            ? whole
            : whole.orReordered(
                new StoredTensor.Reordered(
                    stored(module + "weight", sorted.matrix(), bytes, codes),
                    Packing.order(module + "order", sorted.order(), codes.origin()))),
        codes);
  }

  private StoredTensor stored(String name, PackedMatrix m, long bytes, StoredTensor codes) {
    return StoredTensor.converted(
        name, Packing.type(m), method, bytes, () -> Packing.bytes(m), codes.origin());
  }

  private PackedMatrix packed(StoredTensor codes, String module) throws ModelException {
    return switch (method) {
      case "gptq" ->
          Layouts.gptq(
              codes,
              needed(module + "qzeros"),
              needed(module + "scales"),
              files.find(module + "g_idx"),
              zeroOffset);
      case "awq" -> Layouts.awq(codes, needed(module + "qzeros"), needed(module + "scales"));
      default -> {
        StoredTensor scale = scale(module);
        if (scale == null) {
          throw missing(module + "weight_scale");
        }
        StoredTensor zeroPoint = files.find(module + "weight_zero_point");
        if (!codes.name().endsWith("weight_packed")) {
          int[] rectangle = scale.elements() == 1 ? null : blockOf(scale);
          yield Layouts.bytes(codes, scale, zeroPoint, rectangle);
        }
        StoredTensor globalScale = files.find(module + "weight_global_scale");
        yield globalScale != null
            ? Layouts.nvfp4(codes, scale, globalScale)
            : Layouts.packed(
                codes,
                scale,
                zeroPoint,
                files.find(module + "weight_g_idx"),
                needed(module + "weight_shape"));
      }
    };
  }

  /** compressed-tensors states the rectangles of FP8 elsewhere; they are 128 by 128. */
  private int @Nullable [] blockOf(StoredTensor scale) {
    return scale.name().endsWith("_inv") ? block == null ? new int[] {128, 128} : block : null;
  }

  private StoredTensor needed(String name) throws ModelException {
    StoredTensor t = files.find(name);
    if (t == null) {
      throw missing(name);
    }
    return t;
  }

  private ModelException missing(String name) {
    return new ModelException(
        "load %s: tensor '%s': expected it beside the codes of its matrix, got no such tensor;"
                .formatted(files.origin(), name)
            + " fetch the checkpoint again, whole");
  }

  private void put(StoredTensor t, StoredTensor of) throws ModelException {
    if (byName.putIfAbsent(t.name(), t) != null) {
      throw Numbers.refuse(of, "one form of '" + t.name() + "'", "a second one");
    }
  }

  private static String stem(String name, String suffix) {
    return name.substring(0, name.length() - suffix.length());
  }

  @Override
  public String origin() {
    return files.origin();
  }

  @Override
  public List<StoredTensor> tensors() {
    return new ArrayList<>(byName.values());
  }

  @Override
  public @Nullable StoredTensor find(String name) {
    return byName.get(name);
  }

  @Override
  public void close() {
    files.close();
  }
}
