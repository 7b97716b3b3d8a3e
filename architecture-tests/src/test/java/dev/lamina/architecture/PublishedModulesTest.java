package dev.lamina.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** What a vendor imports: every module that is published, in the version of the others. */
class PublishedModulesTest {
  private static final Path ROOT =
      Path.of(System.getProperty("lamina.fixtures")).toAbsolutePath().getParent();

  @Test
  void bom_namesEveryModuleThatIsPublished() throws IOException {
    TreeSet<String> published = new TreeSet<>();
    for (String module : all("<module>([^<]+)</module>", pom("."))) {
      if (!pom(module).contains("<maven.deploy.skip>true</maven.deploy.skip>")) {
        published.add(module);
      }
    }
    assertThat(published.remove("lamina-bom")).isTrue();
    List<String> named =
        all(
            "<groupId>dev\\.lamina</groupId>\\s*<artifactId>([^<]+)</artifactId>"
                + "\\s*<version>\\$\\{project\\.version}</version>\\s*</dependency>",
            pom("lamina-bom"));
    assertThat(new TreeSet<>(named)).isEqualTo(published).hasSizeGreaterThan(10);
    assertThat(all("<dependency>", pom("lamina-bom"))).hasSameSizeAs(named);
  }

  @Test
  void bom_hasNoParentAndTheVersionOfTheOthers() throws IOException {
    assertThat(pom("lamina-bom")).doesNotContain("<parent>");
    String version = "<version>([^<$]+)</version>";
    assertThat(all(version, pom("lamina-bom")).getFirst())
        .isEqualTo(all(version, pom(".")).getFirst());
  }

  private static String pom(String module) throws IOException {
    return Files.readString(ROOT.resolve(module).resolve("pom.xml"));
  }

  private static List<String> all(String pattern, String text) {
    return Pattern.compile(pattern)
        .matcher(text)
        .results()
        .map((MatchResult match) -> match.group(match.groupCount()))
        .toList();
  }
}
