package dev.lamina.cli;

import dev.lamina.LaminaException;
import dev.lamina.ModelLocator;
import dev.lamina.ModelText;
import dev.lamina.models.Checkpoint;
import dev.lamina.models.Conversion;
import dev.lamina.models.ModelOptions;
import dev.lamina.models.ModelPlan;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.checkpoint.TensorSource;
import dev.lamina.models.ggml.GgmlEncoder;
import dev.lamina.models.ggml.GgmlType;
import dev.lamina.models.gguf.GgufCheckpoint;
import dev.lamina.models.gguf.GgufTensors;
import dev.lamina.spi.ir.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Writes a model in another file format, and its matrices in another type. */
@Command(name = "convert", description = "Writes a model as safetensors or GGUF, quantised or not.")
final class ConvertCommand implements Callable<Integer> {
  @Parameters(
      arity = "1..2",
      paramLabel = "IN OUT",
      description = {
        "IN: folder, .gguf or .safetensors file or built-in; left out with --shape.",
        "OUT: a .gguf or .safetensors file, else a folder with all that a model needs."
      })
  private List<String> files = List.of();

  @Option(
      names = "--shape",
      paramLabel = "NAME",
      description = "Random weights of a real model's shape instead of IN.")
  private @Nullable String shape;

  @Option(names = "--seed", paramLabel = "S", description = "The same seed, the same weights.")
  private long seed;

  private String in = "";
  private Path out = Path.of("");

  @Option(
      names = "--dtype",
      paramLabel = "D",
      description = "f32, f16, bf16, and in GGUF files q8_0, q4_0, q4_k, q6_k; default: as it is.")
  private @Nullable String dtype;

  @Option(
      names = "--names",
      paramLabel = "hf|gguf",
      description = "How tensors are named; default: as OUT needs it of a model, else as in IN.")
  private @Nullable Names names;

  /** Spellings of tensor names. */
  private enum Names {
    hf,
    gguf
  }

  @Override
  public Integer call() throws IOException {
    if (files.size() != (shape == null ? 2 : 1)) {
      throw new UsageException("convert: expected IN and OUT, or --shape NAME and OUT");
    }
    in = files.getFirst();
    out = Path.of(files.getLast());
    try {
      if (shape != null) {
        writeRandom(shape);
      } else if (Checkpoint.isGguf(out)) {
        toGguf();
      } else if (names == Names.gguf) {
        throw new UsageException("--names gguf: expected an OUT that ends in .gguf, got " + out);
      } else if (out.toString().endsWith(".safetensors")) {
        toSafetensors();
      } else {
        toFolder();
      }
    } catch (ModelException e) {
      throw new LaminaException(String.valueOf(e.getMessage()), e);
    }
    System.err.println("wrote " + out);
    return Main.OK;
  }

  /** With micro-chat's tokenizer, so that text goes in and out. */
  private void writeRandom(String name) throws IOException, ModelException {
    Path text = ModelLocator.find(ModelLocator.DEFAULT);
    DType made = DType.BF16;
    if (dtype != null && (dtype.equalsIgnoreCase("f32") || dtype.equalsIgnoreCase("f16"))) {
      made = DType.parse(dtype.toLowerCase(Locale.ROOT));
    }
    try (Checkpoint model = Checkpoint.synthetic(name, made, seed)) {
      // Planning asks for every weight, and what is asked for is made.
      ModelPlan.of(model, ModelOptions.DEFAULT);
      if (Checkpoint.isGguf(out)) {
        writeGguf(model, text);
      } else {
        Conversion.toFolder(model, plain(type(model.tensors())), out, tensor -> {});
        ModelText.putFolder(text, out);
      }
    }
  }

  private void toGguf() throws IOException, ModelException {
    Path from = source();
    if (names == Names.hf || names == null && !isModel(from)) {
      try (TensorSource tensors = tensors(from)) {
        Conversion.toGguf(tensors, type(tensors), out, name -> {});
      }
      return;
    }
    try (Checkpoint model = Checkpoint.openToConvert(from)) {
      writeGguf(model, from);
    }
  }

  private void writeGguf(Checkpoint model, Path text) throws IOException, ModelException {
    int vocabSize = model.architecture().shape().vocabSize();
    Conversion.toGguf(
        model,
        type(model.tensors()),
        out,
        pairs -> ModelText.putGguf(text, vocabSize, model.generation(), pairs),
        name -> {});
  }

  private void toSafetensors() throws IOException, ModelException {
    Path from = source();
    try (TensorSource tensors = tensors(from)) {
      Conversion.toSafetensors(tensors, plain(type(tensors)), out, name -> {});
    }
  }

  private void toFolder() throws IOException, ModelException {
    Path from = source();
    try (Checkpoint model = Checkpoint.openToConvert(from)) {
      Conversion.toFolder(model, plain(type(model.tensors())), out, name -> {});
      ModelText.putFolder(from, out);
    }
  }

  /** What is no model may still be tensors. */
  private Path source() {
    if (in.endsWith(".safetensors") && Files.isRegularFile(Path.of(in))) {
      return Path.of(in);
    }
    return ModelLocator.find(in);
  }

  private static boolean isModel(Path from) throws ModelException {
    if (!Checkpoint.isGguf(from)) {
      return Files.exists(from.resolve("config.json"));
    }
    try (GgufTensors file = GgufTensors.open(from)) {
      return file.metadata().has("general.architecture");
    }
  }

  private TensorSource tensors(Path from) throws ModelException {
    if (!Checkpoint.isGguf(from)) {
      return Checkpoint.tensorsToConvert(from);
    }
    return names == Names.hf ? GgufCheckpoint.open(from) : GgufTensors.open(from);
  }

  private GgmlType type(TensorSource tensors) {
    if (dtype == null) {
      DType most = tensors.weightsDtype();
      if (most == null) {
        throw new UsageException("--dtype: expected one, since most weights are quantised");
      }
      for (GgmlType t : GgmlEncoder.TYPES) {
        if (t.name().equals(most.name())) {
          return t;
        }
      }
      throw new UsageException("--dtype: expected one, since most tensors are " + most);
    }
    for (GgmlType t : GgmlEncoder.TYPES) {
      if (t.text().equals(dtype.toLowerCase(Locale.ROOT))) {
        return t;
      }
    }
    throw new UsageException(
        "--dtype: expected one of %s, got '%s'"
            .formatted(
                GgmlEncoder.TYPES.stream()
                    .sorted()
                    .map(GgmlType::text)
                    .collect(Collectors.joining(", ")),
                dtype));
  }

  private DType plain(GgmlType type) {
    return switch (type) {
      case F32 -> DType.F32;
      case F16 -> DType.F16;
      case BF16 -> DType.BF16;
      default ->
          throw new LaminaException(
              "convert: --dtype %s: expected f32, f16 or bf16 for safetensors; name a .gguf file"
                  .formatted(type.text()));
    };
  }
}
