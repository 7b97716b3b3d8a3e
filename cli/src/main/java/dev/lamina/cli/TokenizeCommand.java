package dev.lamina.cli;

import dev.lamina.ModelLocator;
import dev.lamina.ModelText;
import dev.lamina.chat.Tokenizer;
import java.io.IOException;
import java.util.Arrays;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Text on stdin to token ids on stdout. */
@Command(name = "tokenize", description = "Turns stdin into token ids.")
final class TokenizeCommand implements Callable<Integer> {
  @Parameters(
      index = "0",
      arity = "0..1",
      paramLabel = "MODEL",
      description = "Folder, .gguf file or built-in.")
  private String model = ModelLocator.DEFAULT;

  @Option(names = "--json", description = "Prints a JSON array.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    String text = Stdin.text("tokenize");
    try (Tokenizer tokenizer = ModelText.load(ModelLocator.find(model))) {
      int[] ids = tokenizer.encode(text, true);
      System.out.println(
          json
              ? Json.line(Json.of(ids))
              : Arrays.stream(ids).mapToObj(Integer::toString).collect(Collectors.joining(" ")));
    }
    return Main.OK;
  }
}
