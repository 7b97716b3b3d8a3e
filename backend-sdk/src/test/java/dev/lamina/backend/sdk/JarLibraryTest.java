package dev.lamina.backend.sdk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Native libraries of jars as files, and where such files lie. */
class JarLibraryTest {
  private static final String NAME = "linux/x64/org/example/libexample.so";

  @TempDir private Path folder;

  /** A jar that has one library. */
  private static ClassLoader jar(String content) {
    return new ClassLoader(null) {
      @Override
      public InputStream getResourceAsStream(String name) {
        return name.equals(NAME)
            ? new ByteArrayInputStream(content.getBytes(StandardCharsets.UTF_8))
            : null;
      }
    };
  }

  private Path file(String content) throws IOException {
    return JarLibrary.file(jar(content), NAME, folder).orElseThrow();
  }

  @Test
  void libraries_areKeptByTheirContent() throws IOException {
    Path old = file("old");
    Path current = file("new");
    assertThat(old.getFileName()).hasToString("3f5dd4e5-libexample.so");
    assertThat(old).hasContent("old").isNotEqualTo(current);
    assertThat(current).hasContent("new").isAbsolute();
    assertThat(file("old")).isEqualTo(old);
  }

  @Test
  void aFileThatIsThere_staysAsItIs_unlessItIsDamaged() throws IOException {
    Path file = file("whole");
    Object inode = Files.getAttribute(file, "unix:ino");
    file("whole");
    assertThat(Files.getAttribute(file, "unix:ino")).isEqualTo(inode);
    Files.writeString(file, "who");
    assertThat(file("whole")).hasContent("whole");
  }

  @Test
  void manyAtOnce_getOneFile_andLeaveNoOther() throws IOException {
    Set<Path> files = ConcurrentHashMap.newKeySet();
    String content = "x".repeat(1 << 20);
    IntStream.range(0, 16)
        .parallel()
        .forEach(i -> {
          try {
            Path file = file(content);
            assertThat(file).hasContent(content);
            files.add(file);
          } catch (IOException e) {
            throw new AssertionError(e);
          }
        });
    try (Stream<Path> left = Files.list(folder)) {
      assertThat(left).containsExactlyElementsOf(files).hasSize(1);
    }
  }

  @Test
  void whatIsMissing_isNoFile_andAFolderThatTakesNone_isNoLibrary() throws IOException {
    assertThat(JarLibrary.file(jar("x"), "linux/x64/other.so", folder)).isEmpty();
    Path taken = Files.writeString(folder.resolve("taken"), "");
    assertThatThrownBy(() -> JarLibrary.file(jar("x"), NAME, taken.resolve("lwjgl")))
        .isInstanceOf(IOException.class);
    ClassLoader any =
        new ClassLoader(null) {
          @Override
          public InputStream getResourceAsStream(String name) {
            return new ByteArrayInputStream(new byte[] {1});
          }
        };
    assertThat(JarLibrary.ofLwjgl(any, taken.resolve("lwjgl"))).isEqualTo(Optional.empty());
    assertThat(JarLibrary.ofLwjgl(any, folder.resolve("lwjgl"))).isPresent();
  }

  @Test
  void folder_isTheFirstThatIsNamed() {
    Properties properties = new Properties();
    properties.setProperty("user.home", "/home/ada");
    assertThat(UserCache.folder(properties, Map.of(), "one", "two"))
        .isEqualTo(Path.of("/home/ada/.cache/lamina/two"));
    Map<String, String> env = Map.of("XDG_CACHE_HOME", "/xdg", "LAMINA_ONE_CACHE", "/mine");
    assertThat(UserCache.folder(properties, Map.of("XDG_CACHE_HOME", "/xdg"), "one", "two"))
        .isEqualTo(Path.of("/xdg/lamina/two"));
    assertThat(UserCache.folder(properties, env, "one", "two")).isEqualTo(Path.of("/mine"));
    properties.setProperty("lamina.one.cache", "/first");
    assertThat(UserCache.folder(properties, env, "one", "two")).isEqualTo(Path.of("/first"));
    properties.setProperty("lamina.one.cache", " ");
    assertThat(UserCache.folder(properties, Map.of(), "one", "two"))
        .isEqualTo(Path.of("/home/ada/.cache/lamina/two"));
  }
}
