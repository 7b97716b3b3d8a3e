package dev.lamina.models;

import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.models.checkpoint.TensorSource;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.TensorType;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Experts as folders have them, one tensor each: {@code experts.7.up_proj.weight}. GGUF files have
 * them as stacks {@code experts.up_proj.weight}, a name that only this project reads from folders.
 */
final class ExpertNames {
  private static final Pattern STACK = Pattern.compile("(.*\\.experts)\\.([^.]+\\.weight)");

  private ExpertNames() {}

  /** The tensors, stacks of experts taken apart. The stacks stay open with the given ones. */
  static TensorSource oneEach(TensorSource stacked) {
    Map<String, StoredTensor> all = new LinkedHashMap<>();
    for (StoredTensor t : stacked.tensors()) {
      Matcher stack = STACK.matcher(t.name());
      if (!stack.matches() || t.type().shape().rank() != 3) {
        all.put(t.name(), t);
        continue;
      }
      int experts = (int) t.type().shape().dim(0).upperBound();
      for (int e = 0; e < experts; e++) {
        StoredTensor one = one(t, "%s.%d.%s".formatted(stack.group(1), e, stack.group(2)), e);
        all.put(one.name(), one);
      }
    }
    return new Apart(stacked.origin(), all);
  }

  private static StoredTensor one(StoredTensor stack, String name, int expert) {
    Shape shape = stack.type().shape();
    TensorType type =
        new TensorType(
            stack.type().dtype(), Shape.of(shape.dim(1), shape.dim(2)), stack.type().layout());
    long bytes = type.byteSize();
    return StoredTensor.converted(
        name,
        type,
        stack.format(),
        bytes,
        () -> stack.data().asSlice(expert * bytes, bytes),
        stack.origin());
  }

  /** The tensors by their names; what they lie in is closed by its owner. */
  private record Apart(String origin, Map<String, StoredTensor> byName) implements TensorSource {
    @Override
    public List<StoredTensor> tensors() {
      return new ArrayList<>(byName.values());
    }

    @Override
    public @Nullable StoredTensor find(String name) {
      return byName.get(name);
    }

    @Override
    public void close() {}
  }
}
