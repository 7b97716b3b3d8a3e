package dev.lamina.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What the checkout promises outside of its classes. */
class CheckoutTest {
  private static final int LINE_CEILING = 600;
  private static final Path ROOT =
      Path.of(System.getProperty("lamina.fixtures")).toAbsolutePath().getParent();
  private static final Pattern LINK = Pattern.compile("\\]\\(([^)#:]+)(#[^)]*)?\\)");

  @Test
  void readme_showsTheTwoCommandsOnItsFirstScreen() throws IOException {
    String readme = Files.readString(ROOT.resolve("README.md"));
    assertThat(fencedBlock(readme, "Quick start")).isEqualTo("bin/lamina run \"What is 12 + 30?\"");
    assertThat(fencedBlock(readme, "Tests")).isEqualTo("mvn -B -ntp verify");
    assertThat(readme.lines().takeWhile(line -> !line.equals("## Tests")).count())
        .as("lines before the second command")
        .isLessThan(40);
  }

  @Test
  void continuousIntegration_runsTheReadmesTests() throws IOException {
    String script = Files.readString(ROOT.resolve(".ci/run"));
    assertThat(script).contains(fencedBlock(Files.readString(ROOT.resolve("README.md")), "Tests"));
    assertThat(Files.isExecutable(ROOT.resolve(".ci/run"))).isTrue();
  }

  @Test
  void documents_linkToFilesThatAreThere() throws IOException {
    List<String> broken = new ArrayList<>();
    int links = 0;
    for (Path document : files(".md")) {
      Matcher link = LINK.matcher(Files.readString(document));
      while (link.find()) {
        links++;
        if (!Files.exists(document.resolveSibling(link.group(1)))) {
          broken.add(ROOT.relativize(document) + ": " + link.group(1));
        }
      }
    }
    assertThat(links).isGreaterThan(20);
    assertThat(broken).isEmpty();
  }

  @Test
  void sources_stayUnderTheCeiling() throws IOException {
    List<String> tall = new ArrayList<>();
    List<Path> sources = files(".java");
    for (Path source : sources) {
      if (source.getParent().endsWith("generated")) {
        continue;
      }
      int lines = Files.readAllLines(source).size();
      if (lines > LINE_CEILING) {
        tall.add(ROOT.relativize(source) + " has " + lines + " lines");
      }
    }
    assertThat(sources).hasSizeGreaterThan(400);
    assertThat(tall).isEmpty();
  }

  @Test
  void everyModule_saysItsJobInOneSentence() throws IOException {
    for (Path pom : files("pom.xml")) {
      assertThat(Files.readString(pom))
          .as("%s", ROOT.relativize(pom))
          .containsPattern("<description>[^<]+\\.</description>");
    }
  }

  private static String fencedBlock(String document, String heading) {
    Matcher block =
        Pattern.compile(
                "(?m)^## " + heading + "\\n(?:[^#`]*\\n)?```[a-z]*\\n(.*?)\\n```", Pattern.DOTALL)
            .matcher(document);
    assertThat(block.find()).as("a fenced block under '## %s' in README.md", heading).isTrue();
    return block.group(1);
  }

  private static List<Path> files(String ending) throws IOException {
    try (Stream<Path> all = Files.walk(ROOT)) {
      return all.filter(path -> path.toString().endsWith(ending))
          .filter(path -> !inBuildFolder(ROOT.relativize(path)))
          .toList();
    }
  }

  private static boolean inBuildFolder(Path path) {
    for (Path part : path) {
      if (part.toString().equals("target") || part.toString().equals(".git")) {
        return true;
      }
    }
    return false;
  }
}
