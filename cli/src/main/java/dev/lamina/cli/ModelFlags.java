package dev.lamina.cli;

import dev.lamina.LaminaOptions;
import dev.lamina.models.Precision;
import dev.lamina.spi.ir.DType;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Flags of every command that loads a model. */
final class ModelFlags {
  @Option(names = "--backend", paramLabel = "ID[:N]", description = "Backend and device.")
  private @Nullable String backend;

  @Option(names = "--threads", paramLabel = "N", description = "Host threads for computing.")
  private @Nullable Integer threads;

  @Option(names = "--precision", paramLabel = "f32|default", description = "Activations and KV.")
  private @Nullable String precision;

  @Option(
      names = "--kv-dtype",
      paramLabel = "f32|bf16|f16",
      description = "Stored keys and values.")
  private @Nullable String kvDtype;

  @Option(names = "--adapter", paramLabel = "[NAME=]DIR", hidden = true)
  private List<String> adapters = List.of();

  @Option(names = "--draft", paramLabel = "MODEL", hidden = true)
  private @Nullable String draft;

  /** The options these flags ask for. */
  LaminaOptions options(Precision defaultPrecision) {
    if (!adapters.isEmpty()) {
      throw new UsageException("--adapter: LoRA adapters are not built yet");
    }
    if (draft != null) {
      throw new UsageException("--draft: speculative decoding is not built yet");
    }
    if (threads != null && threads < 1) {
      throw new UsageException("--threads: expected at least 1, got " + threads);
    }
    return LaminaOptions.DEFAULT
        .withBackend(backend)
        .withThreads(threads == null ? 0 : threads)
        .withPrecision(precision(defaultPrecision))
        .withKvDtype(kvDtype());
  }

  /** What {@code --backend} names, or null. */
  @Nullable String backend() {
    return backend;
  }

  private Precision precision(Precision absent) {
    if (precision == null) {
      return absent;
    }
    return switch (precision.toLowerCase(Locale.ROOT)) {
      case "f32" -> Precision.F32;
      case "default" -> Precision.DEFAULT;
      default -> throw new UsageException("--precision: expected f32 or default, got " + precision);
    };
  }

  private @Nullable DType kvDtype() {
    if (kvDtype == null) {
      return null;
    }
    return switch (kvDtype.toLowerCase(Locale.ROOT)) {
      case "f32" -> DType.F32;
      case "bf16" -> DType.BF16;
      case "f16" -> DType.F16;
      case "fp8" -> throw new UsageException("--kv-dtype: fp8 is not built yet");
      default -> throw new UsageException("--kv-dtype: expected f32, bf16 or f16, got " + kvDtype);
    };
  }
}
