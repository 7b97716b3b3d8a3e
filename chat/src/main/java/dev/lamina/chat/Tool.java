package dev.lamina.chat;

import tools.jackson.databind.node.ObjectNode;

/**
 * A tool that the model may call.
 *
 * @param definition the tool as the request gave it, keys in their order: templates print it whole.
 *     Not copied; do not change it afterwards
 */
public record Tool(ObjectNode definition) {

  /** The function's name, empty where the definition has none. */
  public String name() {
    return definition.path("function").path("name").asString(definition.path("name").asString(""));
  }
}
