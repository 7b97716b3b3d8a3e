package dev.lamina.cli;

import dev.lamina.LaminaException;
import dev.lamina.ModelLocator;
import dev.lamina.ModelText;
import dev.lamina.chat.Tokenizer;
import java.io.IOException;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.node.StringNode;

/** Token ids on stdin to text on stdout. */
@Command(name = "detokenize", description = "Turns token ids on stdin into text.")
final class DetokenizeCommand implements Callable<Integer> {
  @Parameters(
      index = "0",
      arity = "0..1",
      paramLabel = "MODEL",
      description = "Folder, .gguf file or built-in.")
  private String model = ModelLocator.DEFAULT;

  @Option(names = "--skip-special-tokens", description = "Leaves special tokens out.")
  private boolean skipSpecial;

  @Option(names = "--json", description = "Prints a JSON string.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    String text = Stdin.text("detokenize");
    try (Tokenizer tokenizer = ModelText.load(ModelLocator.find(model))) {
      String decoded = tokenizer.decode(ids(text, tokenizer.vocabSize()), skipSpecial);
      if (json) {
        System.out.println(Json.line(StringNode.valueOf(decoded)));
      } else {
        System.out.print(decoded);
      }
    }
    return Main.OK;
  }

  private static int[] ids(String text, int vocabSize) {
    String[] words = text.strip().split("[\\s,\\[\\]]+");
    int[] ids = new int[words.length];
    int n = 0;
    for (String word : words) {
      if (word.isEmpty()) {
        continue;
      }
      if (!word.matches("\\d{1,9}") || Integer.parseInt(word) >= vocabSize) {
        throw new LaminaException(
            "detokenize: expected ids of 0.." + (vocabSize - 1) + ", got '" + word + "'");
      }
      ids[n++] = Integer.parseInt(word);
    }
    return java.util.Arrays.copyOf(ids, n);
  }
}
