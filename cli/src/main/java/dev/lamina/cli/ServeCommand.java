package dev.lamina.cli;

import picocli.CommandLine.Command;

/** The HTTP server. */
@Command(name = "serve", description = "Serves the OpenAI API and a page over HTTP.")
final class ServeCommand implements Runnable {
  @Override
  public void run() {
    throw new UsageException("serve: not built yet");
  }
}
