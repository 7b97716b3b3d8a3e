package dev.lamina;

import dev.lamina.models.Checkpoint;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Finds the folder or file of a model that a user names: a path, a built-in, or one of the hub. */
public final class ModelLocator {
  /** The model that is used when none is named. */
  public static final String DEFAULT = "micro-chat";

  /** Names of the built-in models. */
  public static final List<String> BUILT_IN = List.of("micro-chat");

  private ModelLocator() {}

  /** Whether a command-line argument is a model rather than a prompt. */
  public static boolean looksLikeModel(String argument) {
    if (BUILT_IN.contains(argument)) {
      return true;
    }
    Path path = path(argument);
    return path != null && (Checkpoint.isGguf(path) || Files.isDirectory(path))
        || HubCache.isRepo(argument) && cache().find(argument).isPresent();
  }

  /**
   * Finds a model.
   *
   * @param model a folder with {@code config.json} and weights, a GGUF file, a built-in's name, or
   *     {@code ORG/NAME} of a model in the Hugging Face cache
   * @return the folder or file
   * @throws LaminaException if there is none; the message says where was looked
   */
  public static Path find(String model) {
    Path direct = path(model);
    if (direct != null && Checkpoint.isGguf(direct)) {
      if (Files.isRegularFile(direct)) {
        return direct;
      }
      throw new LaminaException(
          "model %s: expected a GGUF file, found %s; check the path"
              .formatted(model, Files.exists(direct) ? "a folder" : "nothing there"));
    }
    if (direct != null && Files.isDirectory(direct)) {
      return direct;
    }
    if (BUILT_IN.contains(model)) {
      return builtIn(model);
    }
    if (HubCache.isRepo(model)) {
      HubCache cache = cache();
      return cache
          .find(model)
          .orElseThrow(() ->
              new LaminaException(
                  "model %s: expected that folder, or the model in the cache %s, found neither; fetch it: lamina pull %s"
                      .formatted(model, cache.root(), model)));
    }
    String hint =
        direct != null && Files.exists(direct)
            ? "got a file; name the folder that holds config.json"
            : "found no such folder";
    throw new LaminaException(
        "model %s: expected a folder with config.json and *.safetensors, a .gguf file, or one of %s;"
                .formatted(model, BUILT_IN)
            + " "
            + hint);
  }

  private static HubCache cache() {
    return new HubCache(HubSettings.ofProcess().cache());
  }

  private static Path builtIn(String model) {
    List<Path> searched = new ArrayList<>();
    for (String roots :
        new String[] {System.getProperty("lamina.models"), System.getenv("LAMINA_MODELS")}) {
      if (roots != null && !roots.isBlank()) {
        searched.add(Path.of(roots).resolve(model));
      }
    }
    for (Path at = Path.of("").toAbsolutePath(); at != null; at = at.getParent()) {
      searched.add(at.resolve("fixtures/models").resolve(model));
    }
    for (Path folder : searched) {
      if (Files.isRegularFile(folder.resolve("config.json"))) {
        return folder;
      }
    }
    throw new LaminaException(
        "model %s: the built-in model is not there; set LAMINA_MODELS to the folder that holds it"
                .formatted(model)
            + " (looked in "
            + searched.getFirst()
            + (searched.size() > 1 ? " and " + (searched.size() - 1) + " more)" : ")"));
  }

  private static @Nullable Path path(String text) {
    try {
      return Path.of(text);
    } catch (InvalidPathException e) {
      return null;
    }
  }
}
