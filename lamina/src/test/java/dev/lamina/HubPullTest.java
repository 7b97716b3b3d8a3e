package dev.lamina;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HubPullTest {
  private static final String WEIGHTS = "model.safetensors";

  @TempDir private Path cache;

  private final List<String> progress = new ArrayList<>();
  private FakeHub hub;

  @BeforeEach
  void open() throws IOException {
    hub = new FakeHub();
    hub.files.put("README.md", bytes("hello"));
    hub.files.put("config.json", bytes("{\"model_type\":\"llama\"}"));
    hub.files.put("tokenizer.json", bytes("{}"));
    hub.files.put(WEIGHTS, new byte[100_000]);
    hub.files.put("consolidated.safetensors", new byte[10]);
    hub.files.get(WEIGHTS)[99_999] = 7;
  }

  @AfterEach
  void close() {
    hub.close();
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private Path pull() {
    return HubPull.pull(
        new HubSettings(hub.endpoint(), cache, "secret"), "org/model", progress::add);
  }

  private void refused(String message) {
    assertThatThrownBy(this::pull).isInstanceOf(LaminaException.class).hasMessage(message);
    assertThat(new HubCache(cache).find("org/model")).as("half a model").isEmpty();
  }

  private Path blobs() {
    return cache.resolve("models--org--model/blobs");
  }

  private Path part() {
    return blobs().resolve(FakeHub.sha256(hub.files.get(WEIGHTS)) + ".incomplete");
  }

  @Test
  void pull_fetchesWhatAModelIsOpenedFrom_intoTheHubsLayout() throws Exception {
    Path folder = pull();
    assertThat(folder).isEqualTo(cache.resolve("models--org--model/snapshots/" + FakeHub.COMMIT));
    assertThat(new HubCache(cache).find("org/model")).contains(folder);
    try (var files = Files.list(folder)) {
      assertThat(files.map(f -> f.getFileName().toString()))
          .containsExactlyInAnyOrder("config.json", "tokenizer.json", WEIGHTS);
    }
    assertThat(folder.resolve(WEIGHTS)).hasBinaryContent(hub.files.get(WEIGHTS));
    assertThat(Files.readSymbolicLink(folder.resolve(WEIGHTS)))
        .isEqualTo(Path.of("../../blobs", FakeHub.sha256(hub.files.get(WEIGHTS))));
    assertThat(progress).contains("model.safetensors: 0 of 0 MiB");
    assertThat(hub.log)
        .filteredOn(l -> l.contains("/cdn/"))
        .containsExactly("GET /cdn/model.safetensors  null");
    assertThat(hub.log)
        .filteredOn(l -> !l.contains("/cdn/"))
        .allMatch(l -> l.endsWith(" Bearer secret"));

    int before = hub.log.size();
    assertThat(pull()).isEqualTo(folder);
    assertThat(hub.log.subList(before, hub.log.size()))
        .as("nothing is fetched twice")
        .noneMatch(l -> l.startsWith("GET /org") || l.contains("/cdn/"));
  }

  @Test
  void pull_goesOnFromWhereTheConnectionEnded() {
    hub.hangUpAfter = 40_000;
    refused(
        "pull model.safetensors: expected 100000 bytes, got 40000 bytes, then the connection ended; pull again to go on from there");
    hub.hangUpAfter = Integer.MAX_VALUE;
    hub.log.clear();
    Path folder = pull();
    assertThat(hub.log).contains("GET /cdn/model.safetensors bytes=40000- null");
    assertThat(folder.resolve(WEIGHTS)).hasBinaryContent(hub.files.get(WEIGHTS));
  }

  @Test
  void pull_startsAgainWhereThePartIsLongerThanTheFile() throws Exception {
    Files.createDirectories(blobs());
    Files.write(part(), new byte[200_000]);
    assertThat(pull().resolve(WEIGHTS)).hasBinaryContent(hub.files.get(WEIGHTS));
  }

  @Test
  void pull_throwsADamagedFileAway() throws Exception {
    Files.createDirectories(blobs());
    Files.write(part(), new byte[] {1, 2, 3});
    String good = FakeHub.sha256(hub.files.get(WEIGHTS));
    byte[] damaged = hub.files.get(WEIGHTS).clone();
    damaged[0] = 1;
    damaged[1] = 2;
    damaged[2] = 3;
    refused(
        "pull model.safetensors: expected sha256 %s, got %s; the damaged file is removed, pull again"
            .formatted(good, FakeHub.sha256(damaged)));
    assertThat(part()).doesNotExist();
    assertThat(pull().resolve(WEIGHTS)).hasBinaryContent(hub.files.get(WEIGHTS));
  }

  @Test
  void pull_refusesAnotherHashThanTheHubSays() {
    hub.wrongHash = "0".repeat(64);
    assertThatThrownBy(this::pull)
        .hasMessageStartingWith("pull model.safetensors: expected sha256 000")
        .hasMessageEndingWith("; the damaged file is removed, pull again");
    hub.wrongHash = "../../evil";
    assertThatThrownBy(this::pull)
        .hasMessage(
            "pull org/model: expected a hash in the etag of model.safetensors, got '../../evil'; check HF_ENDPOINT");
  }

  @Test
  void pull_refusesAFileThatFindsNoRoom() {
    hub.wrongSize = 1L << 59;
    assertThatThrownBy(this::pull)
        .hasMessageStartingWith(
            "pull model.safetensors: expected room for 576460752303423488 more bytes in " + blobs())
        .hasMessageEndingWith("; free some or set HF_HOME");
  }

  @Test
  void pull_saysThatItCantWrite() throws Exception {
    Path file = Files.writeString(cache.resolve("file"), "");
    HubSettings settings = new HubSettings(hub.endpoint(), file, null);
    assertThatThrownBy(() -> HubPull.pull(settings, "org/model", l -> {}))
        .isInstanceOf(LaminaException.class)
        .hasMessageStartingWith(
            "pull org/model: expected to write in " + file.resolve("models--org--model"))
        .hasMessageEndingWith("; check its rights and room, or set HF_HOME");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "401|expected to be let in by URL, got 401 for API; it does not exist, or is private or gated: accept its terms there and set HF_TOKEN",
        "403|expected to be let in by URL, got 403 for API; it does not exist, or is private or gated: accept its terms there and set HF_TOKEN",
        "404|expected it at URL, got 404 for API; check the name",
        "503|expected API from URL, got status 503; try again later",
      })
  void pull_saysWhyTheHubRefuses(int status, String message) {
    hub.status = status;
    refused(
        "pull org/model: "
            + message
                .replace("URL", hub.endpoint().toString())
                .replace("API", "/api/models/org/model/revision/main"));
  }

  @Test
  void pull_saysThatNobodyAnswers() {
    hub.close();
    assertThatThrownBy(this::pull)
        .hasMessageStartingWith("pull org/model: expected an answer from 127.0.0.1:")
        .hasMessageEndingWith("; check the network and HF_ENDPOINT");
  }

  @Test
  void pull_takesTheShardsThatTheIndexNames() {
    hub.files.remove(WEIGHTS);
    hub.files.put(
        "model.safetensors.index.json",
        bytes("{\"weight_map\":{\"a\":\"m-1.safetensors\",\"b\":\"m-2.safetensors\"}}"));
    hub.files.put("m-1.safetensors", new byte[3]);
    assertThatThrownBy(this::pull)
        .hasMessage(
            "pull org/model: expected the shards that model.safetensors.index.json names, got a repository without m-2.safetensors; tell its owner");
    hub.files.put("m-2.safetensors", new byte[4]);
    Path folder = pull();
    assertThat(folder.resolve("m-1.safetensors")).hasSize(3);
    assertThat(folder.resolve("m-2.safetensors")).hasSize(4);
    assertThat(folder.resolve("consolidated.safetensors")).doesNotExist();
  }

  @Test
  void pull_refusesWhatHasNoSafetensors() {
    hub.files.remove(WEIGHTS);
    hub.files.remove("consolidated.safetensors");
    hub.files.put("pytorch_model.bin", new byte[3]);
    refused(
        "pull org/model: expected weights in *.safetensors, got pytorch_model.bin; choose a repository that has them");
    assertThatThrownBy(() -> HubPull.pull(HubSettings.ofProcess(), "../x", l -> {}))
        .hasMessage("pull: expected ORG/NAME, got '../x'");
  }

  @Test
  void settings_followTheHubsVariables() {
    Path home = Path.of("/home/me");
    assertThat(HubSettings.of(Map.of(), home))
        .isEqualTo(
            new HubSettings(
                URI.create("https://huggingface.co"),
                home.resolve(".cache/huggingface/hub"),
                null));
    assertThat(HubSettings.of(Map.of("XDG_CACHE_HOME", "/x"), home).cache())
        .isEqualTo(Path.of("/x/huggingface/hub"));
    assertThat(HubSettings.of(Map.of("XDG_CACHE_HOME", "/x", "HF_HOME", "/h"), home).cache())
        .isEqualTo(Path.of("/h/hub"));
    HubSettings all =
        HubSettings.of(
            Map.of(
                "HF_HOME",
                "/h",
                "HF_HUB_CACHE",
                "/c",
                "HF_TOKEN",
                " t ",
                "HF_ENDPOINT",
                "http://e/"),
            home);
    assertThat(all).isEqualTo(new HubSettings(URI.create("http://e"), Path.of("/c"), "t"));
    assertThatThrownBy(() -> HubSettings.of(Map.of("HF_ENDPOINT", "e"), home))
        .hasMessage("HF_ENDPOINT: expected an address that begins with http:// or https://, got e");
  }
}
