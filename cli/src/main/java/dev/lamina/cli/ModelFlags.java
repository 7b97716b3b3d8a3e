package dev.lamina.cli;

import dev.lamina.AdapterLimits;
import dev.lamina.AdapterSource;
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

  @Option(
      names = "--adapter",
      paramLabel = "[NAME=]DIR",
      description = "LoRA adapter, as often as there are any.")
  private List<String> adapters = List.of();

  @Option(names = "--max-loras", paramLabel = "N", description = "Most adapters at once (8).")
  private int maxLoras = AdapterLimits.DEFAULT.maxLoras();

  @Option(names = "--max-lora-rank", paramLabel = "N", description = "Largest rank (64).")
  private int maxLoraRank = AdapterLimits.DEFAULT.maxLoraRank();

  @Option(names = "--draft", paramLabel = "MODEL", hidden = true)
  private @Nullable String draft;

  /** The options these flags ask for. */
  LaminaOptions options(Precision defaultPrecision) {
    if (draft != null) {
      throw new UsageException("--draft: speculative decoding is not built yet");
    }
    atLeastOne("--max-loras", maxLoras);
    atLeastOne("--max-lora-rank", maxLoraRank);
    if (threads != null && threads < 1) {
      throw new UsageException("--threads: expected at least 1, got " + threads);
    }
    return LaminaOptions.DEFAULT
        .withBackend(backend)
        .withThreads(threads == null ? 0 : threads)
        .withPrecision(precision(defaultPrecision))
        .withKvDtype(kvDtype())
        .withAdapters(adapters.stream().map(AdapterSource::parse).toList())
        .withAdapterLimits(new AdapterLimits(maxLoras, maxLoraRank));
  }

  /** The one adapter of a command that answers by a single model, null for none. */
  @Nullable AdapterSource adapter(String command) {
    if (adapters.size() > 1) {
      throw new UsageException(
          command + ": expected one --adapter at most, got " + adapters.size());
    }
    return adapters.isEmpty() ? null : AdapterSource.parse(adapters.getFirst());
  }

  /** For a command that looks at the model alone. */
  void refuseAdapters(String command) {
    if (!adapters.isEmpty()) {
      throw new UsageException(
          command + ": expected no --adapter, got one; it looks at the model alone");
    }
  }

  private static void atLeastOne(String flag, int value) {
    if (value < 1) {
      throw new UsageException(flag + ": expected at least 1, got " + value);
    }
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
