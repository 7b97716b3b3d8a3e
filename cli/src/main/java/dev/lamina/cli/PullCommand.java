package dev.lamina.cli;

import dev.lamina.HubCache;
import dev.lamina.HubPull;
import dev.lamina.HubSettings;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Fetches a checkpoint into the Hugging Face cache. */
@Command(
    name = "pull",
    description = {
      "Fetches a model of the Hugging Face hub into its cache and prints the folder.",
      "HF_TOKEN lets into private ones, HF_ENDPOINT is another hub, HF_HOME another cache."
    })
final class PullCommand implements Callable<Integer> {
  @Parameters(index = "0", paramLabel = "ORG/NAME", description = "The model.")
  private String repo = "";

  @Option(names = "--json", description = "Prints one JSON document.")
  private boolean json;

  @Override
  public Integer call() {
    if (!HubCache.isRepo(repo)) {
      throw new UsageException("pull: expected ORG/NAME, got '" + repo + "'");
    }
    String path = HubPull.pull(HubSettings.ofProcess(), repo, Progress.stderr()).toString();
    System.out.println(json ? Json.line(Json.object().put("path", path)) : path);
    return Main.OK;
  }
}
