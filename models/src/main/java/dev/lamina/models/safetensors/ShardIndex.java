package dev.lamina.models.safetensors;

import dev.lamina.json.JsonTrees;
import dev.lamina.models.checkpoint.ModelException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.SequencedSet;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/**
 * The parsed index of a sharded set.
 *
 * @param file the index itself, for messages
 * @param weightMap name of each tensor to the file that holds it
 */
record ShardIndex(Path file, Map<String, String> weightMap) {
  static ShardIndex read(Path file) throws ModelException {
    JsonNode root;
    try {
      root = JsonTrees.read(Files.readAllBytes(file));
    } catch (IOException e) {
      throw new ModelException(
          "read %s: expected a JSON object with a weight_map, got %s; make it readable"
              .formatted(file, e),
          e);
    } catch (JacksonException e) {
      throw new ModelException(
          "read %s: expected a JSON object with a weight_map, got %s; fetch it again"
              .formatted(file, JsonTrees.reason(e)),
          e);
    }
    JsonNode map = root.path("weight_map");
    if (!map.isObject() || map.isEmpty()) {
      throw SafetensorsHeader.refuse(
          file.toString(),
          "weight_map",
          "an object of tensor names to file names",
          map.isMissingNode() ? "none" : map.toString(),
          "fetch the index again");
    }
    Map<String, String> weightMap = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> e : map.properties()) {
      weightMap.put(e.getKey(), shardName(file, e.getKey(), e.getValue()));
    }
    return new ShardIndex(file, Map.copyOf(weightMap));
  }

  private static String shardName(Path file, String tensor, JsonNode value) throws ModelException {
    // A bare file name: an index is data from elsewhere and must not reach out of its folder.
    if (!value.isString()
        || value.stringValue().isEmpty()
        || value.stringValue().matches(".*[/\\\\\\p{Cntrl}].*")
        || value.stringValue().equals("..")) {
      throw SafetensorsHeader.refuse(
          file.toString(),
          "tensor '" + tensor + "'",
          "the name of a file beside the index",
          value.toString(),
          "fetch the index again");
    }
    return value.stringValue();
  }

  /** The shards in name order, each checked to exist. */
  SequencedSet<Path> shards() throws ModelException {
    SequencedSet<Path> shards = new LinkedHashSet<>();
    for (String name : weightMap.values().stream().distinct().sorted().toList()) {
      Path shard = file.resolveSibling(name);
      if (!Files.isRegularFile(shard)) {
        throw SafetensorsHeader.refuse(
            file.toString(),
            "shard",
            "the file " + name + " beside the index",
            "none",
            "fetch the missing shard");
      }
      shards.add(shard);
    }
    return shards;
  }
}
