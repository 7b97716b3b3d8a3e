package dev.lamina.chat;

import dev.lamina.json.JsonTrees;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * A {@code tokenizer.json} as read: vocabulary and merges streamed into compact form (they are
 * megabytes), the small rest as a tree.
 *
 * @param file where it was read from, for messages
 * @param modelType {@code BPE}, {@code Unigram}, {@code WordPiece} or {@code WordLevel}
 * @param vocabulary the model's tokens, without the added ones
 * @param merges left and right halves in turn, best merge first; empty where the model has none
 * @param model the model's other fields
 * @param rest the file's other fields
 */
record TokenizerJson(
    Path file,
    String modelType,
    Vocabulary vocabulary,
    List<String> merges,
    ObjectNode model,
    ObjectNode rest) {

  private static final int MAX_ID = 1 << 24;

  static TokenizerJson read(Path file) {
    return JsonFile.read(file, parser -> new Reader(file, parser).document());
  }

  /** The failure to use this file, as one line. */
  static TokenizerException invalid(Path file, String what) {
    return new TokenizerException("load tokenizer " + file + ": " + what);
  }

  private static final class Reader {
    private final Path file;
    private final JsonParser parser;
    private final Vocabulary vocabulary = new Vocabulary();
    private final List<String> merges = new ArrayList<>();
    private final ObjectNode model = JsonNodeFactory.instance.objectNode();
    private final ObjectNode rest = JsonNodeFactory.instance.objectNode();
    private boolean hasMerges;

    Reader(Path file, JsonParser parser) {
      this.file = file;
      this.parser = parser;
    }

    TokenizerJson document() {
      expect(JsonToken.START_OBJECT, parser.nextToken(), "the file", "a JSON object");
      boolean hasModel = false;
      while (parser.nextToken() != JsonToken.END_OBJECT) {
        String name = parser.currentName();
        JsonToken value = parser.nextToken();
        if (name.equals("model")) {
          expect(JsonToken.START_OBJECT, value, "model", "a JSON object");
          model();
          hasModel = true;
        } else {
          rest.set(name, JsonTrees.value(parser));
        }
      }
      if (!hasModel || vocabulary.size() == 0) {
        throw invalid(file, "expected a model with a vocab, found none; fetch the file again");
      }
      return new TokenizerJson(file, type(), vocabulary, merges, model, rest);
    }

    private void model() {
      while (parser.nextToken() != JsonToken.END_OBJECT) {
        String name = parser.currentName();
        JsonToken value = parser.nextToken();
        if (name.equals("vocab") && value == JsonToken.START_OBJECT) {
          vocabObject();
        } else if (name.equals("vocab")) {
          expect(JsonToken.START_ARRAY, value, "model.vocab", "an object or an array");
          vocabArray();
        } else if (name.equals("merges")) {
          expect(JsonToken.START_ARRAY, value, "model.merges", "an array");
          merges();
          hasMerges = true;
        } else {
          model.set(name, JsonTrees.value(parser));
        }
      }
    }

    private void vocabObject() {
      while (parser.nextToken() != JsonToken.END_OBJECT) {
        String token = parser.currentName();
        JsonToken value = parser.nextToken();
        expect(JsonToken.VALUE_NUMBER_INT, value, "model.vocab of \"" + token + "\"", "an id");
        long id = parser.getLongValue();
        if (id < 0 || id >= MAX_ID) {
          throw invalid(
              file,
              "model.vocab of \""
                  + token
                  + "\": expected an id of 0.."
                  + (MAX_ID - 1)
                  + ", got "
                  + id);
        }
        vocabulary.put(token, (int) id);
      }
    }

    /** Unigram's form: [token, score] by id. */
    private void vocabArray() {
      int id = 0;
      while (parser.nextToken() != JsonToken.END_ARRAY) {
        JsonNode entry = JsonTrees.value(parser);
        if (!entry.path(0).isString()) {
          throw invalid(file, "model.vocab[" + id + "]: expected [token, score], got " + entry);
        }
        vocabulary.put(entry.path(0).stringValue(), id++);
      }
    }

    /** Each merge is "left right", or in newer files ["left", "right"]. */
    private void merges() {
      for (JsonToken at = parser.nextToken(); at != JsonToken.END_ARRAY; at = parser.nextToken()) {
        if (at == JsonToken.VALUE_STRING) {
          String pair = parser.getString();
          int space = pair.indexOf(' ');
          if (space < 0 || pair.indexOf(' ', space + 1) >= 0) {
            throw badMerge();
          }
          merges.add(pair.substring(0, space));
          merges.add(pair.substring(space + 1));
        } else {
          JsonNode pair = JsonTrees.value(parser);
          if (pair.size() != 2 || !pair.path(0).isString() || !pair.path(1).isString()) {
            throw badMerge();
          }
          merges.add(pair.path(0).stringValue());
          merges.add(pair.path(1).stringValue());
        }
      }
    }

    private TokenizerException badMerge() {
      return invalid(
          file,
          "model.merges[" + merges.size() / 2 + "]: expected two tokens; fetch the file again");
    }

    /** Older files do not name the type of a byte-pair encoding. */
    private String type() {
      JsonNode type = model.path("type");
      String name = type.isString() ? type.stringValue() : hasMerges ? "BPE" : "absent";
      return switch (name) {
        case "BPE", "Unigram", "WordPiece", "WordLevel" -> name;
        default ->
            throw invalid(
                file,
                "model.type: expected BPE, Unigram, WordPiece or WordLevel, got "
                    + name
                    + "; use `tokens`");
      };
    }

    private void expect(JsonToken wanted, JsonToken got, String what, String form) {
      if (got != wanted) {
        throw invalid(
            file, what + ": expected " + form + ", got " + got + "; fetch the file again");
      }
    }
  }
}
