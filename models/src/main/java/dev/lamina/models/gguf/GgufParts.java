package dev.lamina.models.gguf;

import dev.lamina.models.checkpoint.ModelException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A model in several files, {@code NAME-00001-of-00003.gguf} and so on, as llama.cpp's gguf-split
 * writes them: the first has the metadata, each its share of the tensors; {@code split.no}, {@code
 * split.count} and {@code split.tensors.count} tell them apart.
 */
final class GgufParts {
  private static final Pattern NAME = Pattern.compile("(.*-)(\\d{5})(-of-)(\\d{5})(\\.gguf)");
  private static final int MOST_PARTS = 99_999;
  private static final String COUNT = "split.count";
  private static final String NUMBER = "split.no";
  private static final String TENSORS = "split.tensors.count";

  private GgufParts() {}

  /**
   * Opens a file and, if it is a part, the others beside it.
   *
   * @param path the file, any of the parts
   * @param arena owns the mappings
   * @return the metadata of the first part with the tensors of all
   */
  static GgufFile open(Path path, Arena arena) throws ModelException {
    GgufFile given = GgufFile.open(path, arena);
    int count = given.metadata().has(COUNT) ? given.metadata().integer(COUNT, 0) : 0;
    if (count <= 1) {
      return given;
    }
    Matcher name = NAME.matcher(path.toString());
    if (count > MOST_PARTS || !name.matches() || Integer.parseInt(name.group(4)) != count) {
      throw given
          .metadata()
          .refuse(COUNT, "as many parts as the file's name says, NAME-00001-of-0000N.gguf");
    }
    List<GgufFile> parts = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      String file =
          "%s%05d%s%s%s"
              .formatted(name.group(1), i + 1, name.group(3), name.group(4), name.group(5));
      GgufFile part = file.equals(path.toString()) ? given : GgufFile.open(Path.of(file), arena);
      check(part.metadata(), i, count);
      parts.add(part);
    }
    return joined(parts);
  }

  private static void check(GgufMetadata part, int number, int count) throws ModelException {
    if (!part.has(COUNT) || part.integer(COUNT, 0) != count) {
      throw part.refuse(COUNT, count + ", as in the part that was named");
    }
    if (!part.has(NUMBER) || part.integer(NUMBER, 0) != number) {
      throw part.refuse(NUMBER, number + " by the file's name");
    }
  }

  private static GgufFile joined(List<GgufFile> parts) throws ModelException {
    List<GgufFile.Tensor> tensors = new ArrayList<>();
    Set<String> names = new HashSet<>();
    for (GgufFile part : parts) {
      for (GgufFile.Tensor t : part.tensors()) {
        if (!names.add(t.name())) {
          throw GgufFile.refuse(
              part.metadata().file(),
              "tensor '" + t.name() + "'",
              "it in one part",
              "it in an earlier one too",
              "fetch the parts again");
        }
        tensors.add(t);
      }
    }
    GgufMetadata metadata = parts.getFirst().metadata();
    if (metadata.has(TENSORS) && metadata.integer(TENSORS, 0) != tensors.size()) {
      throw metadata.refuse(TENSORS, tensors.size() + ", the tensors of all parts");
    }
    return new GgufFile(metadata, List.copyOf(tensors));
  }
}
