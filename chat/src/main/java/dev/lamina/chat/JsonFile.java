package dev.lamina.chat;

import dev.lamina.json.JsonTrees;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.databind.node.ObjectNode;

/** The JSON files of a tokenizer, with failures that name the file. */
final class JsonFile {
  private JsonFile() {}

  /** What to do with a parser that stands before its first token. */
  interface Reading<T> {
    T read(JsonParser parser);
  }

  /** Opens a JSON file; every failure becomes one line that names the file. */
  static <T> T read(Path file, Reading<T> reading) {
    byte[] bytes;
    try {
      bytes = Files.readAllBytes(file);
    } catch (IOException e) {
      throw new TokenizerException("read " + file + ": cannot be read (" + e + ")", e);
    }
    try (JsonParser parser = JsonTrees.parser(bytes)) {
      return reading.read(parser);
    } catch (JacksonException e) {
      String at =
          e.getLocation() == null
              ? ""
              : " at line "
                  + e.getLocation().getLineNr()
                  + " column "
                  + e.getLocation().getColumnNr();
      throw new TokenizerException(
          "read "
              + file
              + ": not valid JSON"
              + at
              + " ("
              + JsonTrees.reason(e)
              + "); fetch the file again",
          e);
    }
  }

  /** Reads the file's one JSON object as a tree. */
  static ObjectNode readObject(Path file) {
    return read(
        file,
        parser -> {
          if (parser.nextToken() != JsonToken.START_OBJECT) {
            throw new TokenizerException("read " + file + ": expected a JSON object");
          }
          return (ObjectNode) JsonTrees.value(parser);
        });
  }
}
