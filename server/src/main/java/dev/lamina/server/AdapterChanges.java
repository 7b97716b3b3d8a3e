package dev.lamina.server;

import dev.lamina.LaminaException;
import dev.lamina.RequestFields;
import dev.lamina.scheduler.InvalidRequestException;
import io.vertx.core.Context;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import java.lang.System.Logger.Level;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.concurrent.ExecutorService;

/**
 * Loading and unloading LoRA adapters while the server runs, by vLLM's endpoints. A change waits
 * for the engine on a virtual thread; streams go on meanwhile.
 */
final class AdapterChanges {
  private static final System.Logger LOG = System.getLogger("dev.lamina.server");

  private final ServedModel model;
  private final int maxBodyBytes;
  private final ExecutorService readers;

  AdapterChanges(ServedModel model, int maxBodyBytes, ExecutorService readers) {
    this.model = model;
    this.maxBodyBytes = maxBodyBytes;
    this.readers = readers;
  }

  /** What a request asks for: its fields to a sentence that says what was done. */
  @FunctionalInterface
  interface Change {
    String apply(RequestFields fields);
  }

  /** {@code {"lora_name", "lora_path"}}: loads. */
  String load(RequestFields fields) {
    String name = required(fields, "lora_name");
    String path = required(fields, "lora_path");
    try {
      model.lamina().loadAdapter(name, Path.of(path));
    } catch (InvalidPathException e) {
      throw new InvalidRequestException(
          "lora_path", "lora_path: expected a folder, got " + e.getMessage());
    } catch (LaminaException e) {
      throw new InvalidRequestException("lora_path", String.valueOf(e.getMessage()));
    }
    return "Success: LoRA adapter '%s' added successfully.".formatted(name);
  }

  /** {@code {"lora_name"}}: unloads. */
  String unload(RequestFields fields) {
    String name = required(fields, "lora_name");
    if (!model.lamina().adapters().contains(name)) {
      throw ApiException.unknownModel(name, model.name(), model.lamina().adapters());
    }
    model.lamina().unloadAdapter(name);
    return "Success: LoRA adapter '%s' removed successfully.".formatted(name);
  }

  private static String required(RequestFields fields, String field) {
    String value = fields.string(field);
    if (value == null || value.isBlank()) {
      throw new InvalidRequestException(field, field + ": expected a text, got none");
    }
    return value;
  }

  /** Takes a request whose body has not come yet; event loop only. */
  void handle(HttpServerRequest request, Context context, Change change) {
    HttpServerResponse response = request.response();
    RequestBody.read(
        request,
        maxBodyBytes,
        body -> readers.execute(() -> answer(response, context, change, body)),
        e -> Responses.error(response, e));
  }

  private static void answer(
      HttpServerResponse response, Context context, Change change, byte[] body) {
    try {
      String done = change.apply(new RequestFields(Json.parse(body)));
      context.runOnContext(
          nothing -> Responses.json(response, 200, Json.object().put("message", done)));
    } catch (ApiException e) {
      context.runOnContext(nothing -> Responses.error(response, e));
    } catch (InvalidRequestException e) {
      ApiException refused = ApiException.badRequest(e.param(), String.valueOf(e.getMessage()));
      context.runOnContext(nothing -> Responses.error(response, refused));
    } catch (RuntimeException | Error e) {
      LOG.log(Level.ERROR, "a change of adapters failed", e);
      ApiException failed = ApiException.failed("adapters: " + e.getClass().getSimpleName());
      context.runOnContext(nothing -> Responses.error(response, failed));
    }
  }
}
