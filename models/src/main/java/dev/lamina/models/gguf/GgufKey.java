package dev.lamina.models.gguf;

import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import tools.jackson.databind.node.ObjectNode;

/**
 * A hyper-parameter by both its names.
 *
 * @param hf key of {@code config.json}
 * @param other a second name of it that some have, the same for none
 * @param gguf key of metadata, without the architecture
 * @param kind of value
 * @param absent what a {@code config.json} without the key means; NaN if it then stands in no file
 */
record GgufKey(String hf, String other, String gguf, Kind kind, double absent) {
  /** Kinds of values. */
  enum Kind {
    /** A whole number; 0 stands for none. */
    WHOLE,
    /** A number. */
    NUMBER,
    /** A truth value. */
    FLAG
  }

  static GgufKey whole(String hf, String gguf, int absent) {
    return new GgufKey(hf, hf, gguf, Kind.WHOLE, absent);
  }

  static GgufKey number(String hf, String gguf, double absent) {
    return new GgufKey(hf, hf, gguf, Kind.NUMBER, absent);
  }

  static GgufKey flag(String hf, String gguf, boolean absent) {
    return new GgufKey(hf, hf, gguf, Kind.FLAG, absent ? 1 : 0);
  }

  /** This, left out of files where {@code config.json} has it not. */
  GgufKey optional() {
    return new GgufKey(hf, other, gguf, kind, Double.NaN);
  }

  /** This with a second name. */
  GgufKey or(String name) {
    return new GgufKey(hf, name, gguf, kind, absent);
  }

  /** Reads it from metadata, if it is there. */
  void read(GgufMetadata from, String prefix, ObjectNode to) throws ModelException {
    String key = prefix + gguf;
    if (!from.has(key)) {
      return;
    }
    switch (kind) {
      case WHOLE -> {
        int value = from.integer(key, 0);
        if (value > 0) {
          to.put(hf, value);
        }
      }
      case NUMBER -> to.put(hf, from.number(key));
      case FLAG -> to.put(hf, from.bool(key));
    }
  }

  /** Writes it to metadata. */
  void write(ModelConfig from, String prefix, GgufPairs to) throws ModelException {
    String name = from.has(hf) ? hf : other;
    if (!from.has(name) && (Double.isNaN(absent) || from.names(name))) {
      return;
    }
    String key = prefix + gguf;
    switch (kind) {
      case WHOLE -> to.u32(key, from.integer(name, 0, (int) absent));
      case NUMBER -> to.f32(key, from.numberAbove(name, 0, absent));
      case FLAG -> to.bool(key, from.bool(name, absent != 0));
    }
  }
}
