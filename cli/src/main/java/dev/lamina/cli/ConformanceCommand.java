package dev.lamina.cli;

import picocli.CommandLine.Command;

/** The conformance kit. */
@Command(name = "conformance", description = "Proves a backend right with the conformance kit.")
final class ConformanceCommand implements Runnable {
  @Override
  public void run() {
    throw new UsageException("conformance: not built yet");
  }
}
