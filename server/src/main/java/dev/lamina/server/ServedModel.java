package dev.lamina.server;

import dev.lamina.Lamina;
import dev.lamina.ModelInfo;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/**
 * The model that is served.
 *
 * @param lamina the open model
 * @param info what it is
 * @param given how it was named when the server was started; requests may name it so too
 * @param created when it was opened, in seconds of Unix time
 */
record ServedModel(Lamina lamina, ModelInfo info, String given, long created) {
  String name() {
    return info.name();
  }

  /**
   * Checks a request's {@code model}.
   *
   * @param asked null means the served one
   * @throws ApiException if it is another
   */
  void check(@Nullable String asked) {
    if (asked != null && !asked.equals(name()) && !asked.equals(given)) {
      throw ApiException.unknownModel(asked, name());
    }
  }

  /** An entry of {@code /v1/models}. */
  ObjectNode json() {
    return Json.object()
        .put("id", name())
        .put("object", "model")
        .put("created", created)
        .put("owned_by", "lamina")
        .put("max_model_len", info.maxModelLen());
  }
}
