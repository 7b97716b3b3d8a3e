package dev.lamina.cli;

import dev.lamina.ModelLocator;
import dev.lamina.models.Precision;
import dev.lamina.server.LaminaServer;
import dev.lamina.server.ServerOptions;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The HTTP server. */
@Command(name = "serve", description = "Serves the OpenAI API and a page over HTTP.")
final class ServeCommand implements Callable<Integer> {
  @Parameters(
      index = "0",
      arity = "0..1",
      paramLabel = "MODEL",
      description = "Folder, .gguf file or built-in.")
  private String model = ModelLocator.DEFAULT;

  @Option(names = "--host", paramLabel = "HOST", description = "Address to bind (127.0.0.1).")
  private String host = ServerOptions.DEFAULT.host();

  @Option(names = "--port", paramLabel = "PORT", description = "Port to bind (8080); 0 = any.")
  private int port = ServerOptions.DEFAULT.port();

  @Mixin private ModelFlags modelFlags = new ModelFlags();
  @Mixin private EngineFlags engineFlags = new EngineFlags();

  @Override
  public Integer call() throws Exception {
    if (port < 0 || port > 65_535) {
      throw new UsageException("--port: expected 0..65535, got " + port);
    }
    ServerOptions options = ServerOptions.DEFAULT.withHost(host).withPort(port);
    try (LaminaServer server =
        LaminaServer.open(
            model,
            modelFlags
                .options(Precision.DEFAULT)
                .withEngine(engineFlags.config())
                .withProgress(Progress.stderr()),
            options)) {
      System.err.println("lamina: " + server.readyLine());
      server.awaitShutdown();
    }
    return Main.OK;
  }
}
