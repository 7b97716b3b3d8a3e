package dev.lamina.cli;

import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Unmatched;

/** Commands of the contract that are not built yet: they refuse in one line. */
abstract class NotBuilt implements Runnable {
  @Unmatched private List<String> ignored = new ArrayList<>();

  private final String name;

  private NotBuilt(String name) {
    this.name = name;
  }

  @Override
  public void run() {
    throw new UsageException(name + ": not built yet");
  }

  @Command(name = "render", hidden = true)
  static final class Render extends NotBuilt {
    Render() {
      super("render");
    }
  }

  @Command(name = "parse", hidden = true)
  static final class Parse extends NotBuilt {
    Parse() {
      super("parse");
    }
  }

  @Command(name = "bench-serve", hidden = true)
  static final class BenchServe extends NotBuilt {
    BenchServe() {
      super("bench-serve");
    }
  }
}
