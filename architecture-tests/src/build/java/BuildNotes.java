import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import javax.xml.stream.XMLInputFactory;
import javax.xml.stream.XMLStreamConstants;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamReader;

/**
 * Tells at the end of a build what it did not do: {@code java BuildNotes.java CHECKOUT BEGIN FILE}.
 * Counts the tests that ran since the build began and those that were skipped, with their reasons,
 * and repeats what modules noted in {@code target/left-out.txt}; on stdout and in a file.
 *
 * <p>Runs on the JDK that runs Maven, so it is Java 17.
 */
public final class BuildNotes {
  private static final int MAX_REASON = 120;

  private final Instant begin;
  private final Map<String, Integer> skipped = new TreeMap<>();
  private final List<String> leftOut = new ArrayList<>();
  private int tests;
  private int failed;

  private BuildNotes(Instant begin) {
    this.begin = begin;
  }

  /** Takes notes of a checkout. */
  public static void main(String[] args) throws IOException, XMLStreamException {
    BuildNotes notes = new BuildNotes(Instant.parse(args[1]));
    try (Stream<Path> modules = Files.list(Path.of(args[0]))) {
      for (Path module : modules.sorted().toList()) {
        notes.read(module);
      }
    }
    String text = notes.text();
    System.out.print(text);
    Files.writeString(Path.of(args[2]), text);
  }

  private void read(Path module) throws IOException, XMLStreamException {
    Path reports = module.resolve("target/surefire-reports");
    if (Files.isDirectory(reports)) {
      List<Path> files;
      try (Stream<Path> all = Files.list(reports)) {
        files = all.filter(f -> f.toString().endsWith(".xml")).sorted().toList();
      }
      for (Path file : files) {
        if (isOfThisBuild(file)) {
          count(module.getFileName().toString(), file);
        }
      }
    }
    Path note = module.resolve("target/left-out.txt");
    if (Files.exists(note) && isOfThisBuild(note)) {
      leftOut.add(Files.readString(note).strip());
    }
  }

  private boolean isOfThisBuild(Path file) throws IOException {
    return !Files.getLastModifiedTime(file).toInstant().isBefore(begin);
  }

  private void count(String module, Path report) throws IOException, XMLStreamException {
    try (InputStream in = Files.newInputStream(report)) {
      XMLStreamReader xml = XMLInputFactory.newFactory().createXMLStreamReader(in);
      while (xml.hasNext()) {
        if (xml.next() != XMLStreamConstants.START_ELEMENT) {
          continue;
        }
        switch (xml.getLocalName()) {
          case "testcase" -> tests++;
          case "failure", "error" -> failed++;
          case "skipped" -> {
            String message = xml.getAttributeValue(null, "message");
            String why = reason(message == null ? xml.getElementText() : message);
            skipped.merge(module + ": " + why, 1, Integer::sum);
          }
          default -> {}
        }
      }
    }
  }

  private static String reason(String message) {
    String first = message.lines().findFirst().orElse("");
    String line = first.replaceFirst("^[\\w.]+Exception: ", "").replace("Assumption failed: ", "");
    if (line.isBlank()) {
      return "no reason given";
    }
    return line.length() > MAX_REASON ? line.substring(0, MAX_REASON) + "..." : line;
  }

  private String text() {
    int numSkipped = skipped.values().stream().mapToInt(Integer::intValue).sum();
    StringBuilder text = new StringBuilder();
    text.append(
        String.format("build: %d tests, %d failed, %d skipped%n", tests, failed, numSkipped));
    skipped.forEach((what, n) -> text.append(String.format("build: skipped %d of %s%n", n, what)));
    leftOut.forEach(what -> text.append(String.format("build: left out: %s%n", what)));
    return text.toString();
  }
}
