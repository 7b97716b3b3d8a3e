package dev.lamina.server;

import dev.lamina.Lamina;
import dev.lamina.ModelInfo;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
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
   * The adapter that a request's {@code model} names.
   *
   * @param asked null means the served model
   * @return null for the served model alone
   * @throws ApiException if it is neither the served model nor one of its adapters
   */
  @Nullable String adapter(@Nullable String asked) {
    if (asked == null || asked.equals(name()) || asked.equals(given)) {
      return null;
    }
    List<String> adapters = lamina.adapters();
    if (!adapters.contains(asked)) {
      throw ApiException.unknownModel(asked, name(), adapters);
    }
    return asked;
  }

  /** The model, then its adapters. */
  ArrayNode list() {
    ArrayNode all = Json.object().putArray("data");
    all.add(json(null));
    lamina.adapters().forEach(a -> all.add(json(a)));
    return all;
  }

  /** An entry of {@code /v1/models}: the model, or an adapter of it. */
  ObjectNode json(@Nullable String adapter) {
    ObjectNode entry = Json.object().put("id", adapter == null ? name() : adapter);
    if (adapter != null) {
      entry.put("parent", name());
    }
    return entry
        .put("object", "model")
        .put("created", created)
        .put("owned_by", "lamina")
        .put("max_model_len", info.maxModelLen());
  }
}
