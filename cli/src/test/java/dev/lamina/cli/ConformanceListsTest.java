package dev.lamina.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A list that can't be used is wrong usage, exit code 2: code 1 would tell a chip's CI that cases
 * failed.
 */
class ConformanceListsTest {
  @TempDir Path folder;
  private Path list;

  @BeforeEach
  void place() {
    list = folder.resolve("list.txt");
  }

  private Command with(String flag, String lines) throws IOException {
    Files.writeString(list, lines);
    return Command.run("conformance", "--backend", "reference", flag, list.toString());
  }

  @Test
  void entryWithoutAReason_isNamedWithItsLine() throws IOException {
    Command c = with("--unsupported", "cast/* | why\nmatmul/*\n");
    assertThat(c.code()).isEqualTo(2);
    assertThat(c.error())
        .isEqualTo(
            "conformance: %s:2: expected CASE | REASON, got 'matmul/*'; a list without reasons proves nothing",
            list);
  }

  @Test
  void expectedFailureWithoutAnEndInSight_isRefused() throws IOException {
    Command c = with("--xfail", "matmul/* | 9999-12-31 | slow\n");
    assertThat(c.code()).isEqualTo(2);
    assertThat(c.error())
        .isEqualTo(
            "conformance: %s:1: expected a day at most 90 days ahead, got 9999-12-31; look again by then",
            list);
  }

  @Test
  void entryThatMatchesNoCase_isNamed() throws IOException {
    Command c = with("--unsupported", "nosuch/* | gone\n");
    assertThat(c.code()).isEqualTo(2);
    assertThat(c.error()).contains("nosuch/* matches none");
  }

  @Test
  void absentList_isNamed() {
    Command c = Command.run("conformance", "--backend", "reference", "--xfail", list.toString());
    assertThat(c.code()).isEqualTo(2);
    assertThat(c.error())
        .isEqualTo("conformance: expected a list of cases at %s, there is no such file", list);
  }
}
