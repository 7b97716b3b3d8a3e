package dev.lamina.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.conformance.Level;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import picocli.CommandLine.ParseResult;
import tools.jackson.databind.JsonNode;
import tools.jackson.dataformat.yaml.YAMLMapper;

/**
 * The recipe that certifies a chip, its two users, and the command line that it calls: one that
 * changes without the others fails here.
 */
class CertifyPipelineTest {
  private static final Path ROOT =
      Path.of(System.getProperty("lamina.fixtures")).toAbsolutePath().getParent();
  private static final String RECIPE = ".github/actions/certify";
  private static final Path OWN = ROOT.resolve(".github/workflows/conformance.yml");
  private static final Path VENDORS = ROOT.resolve("docs/certify/conformance.yml");
  private static final Pattern EXPRESSION = Pattern.compile("\\$\\{\\{ *([a-z_.]+) *}}");
  private static final Pattern WORD = Pattern.compile("\"([^\"]*)\"|'([^']*)'|(\\S+)");

  private final YAMLMapper yaml = new YAMLMapper();

  @Test
  void ownWorkflow_certifiesEachBackendThatNeedsNoSpecialHardware() throws IOException {
    JsonNode job = yaml.readTree(OWN).at("/jobs/certify");
    List<String> certified = new ArrayList<>();
    for (JsonNode backend : job.at("/strategy/matrix/backend")) {
      Map<String, String> inputs = inputs(job, Map.of("matrix.backend", backend.asString()));
      ParseResult call = conformanceCall(inputs);
      certified.add(call.matchedOptionValue("--backend", "none"));
      assertThat(call.<Level>matchedOptionValue("--level", null)).isEqualTo(Level.L2);
      assertThat(inputs.get("jars")).isEmpty();
    }
    assertThat(certified).containsExactlyInAnyOrder("reference", "cpu-vector");
    assertThat(Command.run("backends").out()).contains(certified);
  }

  @Test
  void vendorsPipeline_callsTheSameRecipeForItsOwnJar() throws IOException {
    JsonNode job = yaml.readTree(VENDORS).at("/jobs/certify");
    Map<String, String> inputs = inputs(job, Map.of());
    ParseResult call = conformanceCall(inputs);
    assertThat(call.<String>matchedOptionValue("--backend", "none")).isEqualTo("acme");
    assertThat(inputs.get("jars")).isEqualTo("target/backend-acme.jar");
    assertThat(Files.readString(ROOT.resolve("bin/templates/backend/pom.xml")))
        .as("where the jar of bin/new-backend's project lies")
        .contains("<finalName>backend-@name@</finalName>");
  }

  @Test
  void bothPublish_whatTheRecipeKeeps() throws IOException {
    for (Path workflow : List.of(OWN, VENDORS)) {
      JsonNode jobs = yaml.readTree(workflow).path("jobs");
      String artifact = inputs(jobs.path("certify"), Map.of("matrix.backend", "x")).get("artifact");
      List<JsonNode> downloads = steps(jobs.path("publish"), "actions/download-artifact");
      assertThat(downloads).hasSize(1);
      String pattern = downloads.getFirst().at("/with/pattern").asString();
      assertThat(artifact).as("%s", workflow).matches(pattern.replace("*", ".*"));
      assertThat(steps(jobs.path("publish"), "actions/deploy-pages")).hasSize(1);
    }
  }

  @Test
  void everyCommandInDocumentsAndWorkflows_isOneThatTheCommandLineTakes() throws IOException {
    int commands = 0;
    List<Path> documents = new ArrayList<>(List.of(ROOT.resolve("README.md")));
    try (Stream<Path> all = Files.walk(ROOT.resolve("docs"))) {
      all.filter(path -> path.toString().endsWith(".md")).forEach(documents::add);
    }
    documents.add(ROOT.resolve("bin/templates/backend/README.md"));
    documents.addAll(List.of(OWN, VENDORS));
    for (Path document : documents) {
      for (String line : shellLines(Files.readString(document))) {
        Matcher call = Pattern.compile("(?:^|\\s)(?:\\S*/)?bin/lamina (.*)").matcher(line);
        if (call.find()) {
          parse(document, call.group(1));
          commands++;
        }
      }
    }
    assertThat(commands).isGreaterThan(5);
  }

  /** What the recipe is called with: what the job gives, and the recipe's defaults for the rest. */
  private Map<String, String> inputs(JsonNode job, Map<String, String> context) throws IOException {
    List<JsonNode> calls = steps(job, RECIPE);
    assertThat(calls).as("steps that use %s", RECIPE).hasSize(1);
    JsonNode declared = recipe().path("inputs");
    JsonNode given = calls.getFirst().path("with");
    assertThat(declared.propertyNames()).containsAll(given.propertyNames());
    Map<String, String> inputs = new HashMap<>();
    for (String name : declared.propertyNames()) {
      JsonNode value = given.has(name) ? given.path(name) : declared.path(name).path("default");
      assertThat(value.isMissingNode()).as("a value of the input %s", name).isFalse();
      inputs.put(name, filled(value.asString(), context));
    }
    return inputs;
  }

  /** How the command line reads what the recipe runs with these inputs. */
  private ParseResult conformanceCall(Map<String, String> inputs) throws IOException {
    Map<String, String> context = new HashMap<>();
    inputs.forEach((name, value) -> context.put("inputs." + name, value));
    List<ParseResult> calls = new ArrayList<>();
    for (JsonNode step : recipe().at("/runs/steps")) {
      String script = step.path("run").asString("");
      JsonNode variables = step.path("env");
      for (String name : variables.propertyNames()) {
        String value = filled(variables.path(name).asString(), context);
        script = script.replace("$" + name, value);
      }
      for (String line : script.lines().toList()) {
        String tool = "\"$GITHUB_ACTION_PATH/../../../bin/lamina\" ";
        assertThat(line).startsWith(tool);
        calls.add(parse(ROOT.resolve(RECIPE), line.substring(tool.length())));
      }
    }
    assertThat(calls).hasSize(2);
    assertThat(calls.getFirst().subcommand().commandSpec().name()).isEqualTo("backends");
    ParseResult conformance = calls.getLast().subcommand();
    assertThat(conformance.commandSpec().name()).isEqualTo("conformance");
    assertThat(conformance.<Path>matchedOptionValue("--report", Path.of("none")))
        .as("the folder that is kept")
        .isEqualTo(
            Path.of(
                steps(recipe().path("runs"), "actions/upload")
                    .getFirst()
                    .at("/with/path")
                    .asString()));
    return conformance;
  }

  private static ParseResult parse(Path where, String command) {
    List<String> words = new ArrayList<>();
    Matcher word = WORD.matcher(command);
    while (word.find()) {
      if (word.group(3) != null && word.group(3).matches("[|>&#<].*|2>.*")) {
        break;
      }
      words.add(
          Stream.of(1, 2, 3)
              .map(word::group)
              .filter(text -> text != null)
              .findFirst()
              .orElseThrow());
    }
    String[] args = words.toArray(String[]::new);
    try {
      return Main.commandLine(args).parseArgs(args);
    } catch (RuntimeException e) {
      throw new AssertionError(where + ": " + Arrays.toString(args) + ": " + e.getMessage(), e);
    }
  }

  private JsonNode recipe() throws IOException {
    return yaml.readTree(ROOT.resolve(RECIPE).resolve("action.yml"));
  }

  private static List<JsonNode> steps(JsonNode job, String uses) {
    List<JsonNode> found = new ArrayList<>();
    for (JsonNode step : job.path("steps")) {
      if (step.path("uses").asString("").contains(uses)) {
        found.add(step);
      }
    }
    return found;
  }

  private static String filled(String text, Map<String, String> context) {
    return EXPRESSION
        .matcher(text)
        .replaceAll(match -> {
          assertThat(context).as("%s", text).containsKey(match.group(1));
          return Matcher.quoteReplacement(context.get(match.group(1)));
        });
  }

  private static List<String> shellLines(String document) {
    List<String> lines = new ArrayList<>();
    Pattern.compile("(?m)^ *(?:- )?run: (.*)")
        .matcher(document)
        .results()
        .forEach(run -> lines.add(run.group(1)));
    Matcher block = Pattern.compile("(?m)^```sh\\n(.*?)^```", Pattern.DOTALL).matcher(document);
    while (block.find()) {
      lines.addAll(block.group(1).replace("\\\n", " ").lines().toList());
    }
    return lines;
  }
}
