package dev.lamina.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.models.checkpoint.GenerationConfig;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.DType;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.module.Configuration;
import java.lang.module.ModuleFinder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.spi.ToolProvider;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A jar on the module path adds a family, with nothing changed here. */
class ExampleFamilyTest {
  private static final String CONFIG =
      """
      {"model_type":"example_nope","vocab_size":96,"hidden_size":32,"num_hidden_layers":8,
       "num_attention_heads":4,"num_key_value_heads":2,"intermediate_size":48}
      """;

  @TempDir Path folder;

  private static void run(String tool, List<String> arguments) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    PrintStream text = new PrintStream(out, true, StandardCharsets.UTF_8);
    int rc =
        ToolProvider.findFirst(tool)
            .orElseThrow()
            .run(text, text, arguments.toArray(String[]::new));
    assertThat(rc).as(out.toString(StandardCharsets.UTF_8)).isZero();
  }

  private Path exampleJar() throws IOException {
    Path classes = folder.resolve("classes");
    Path jar = folder.resolve("example-family.jar");
    List<String> javac =
        new ArrayList<>(
            List.of(
                "--module-path", System.getProperty("jdk.module.path"), "-d", classes.toString()));
    try (Stream<Path> sources = Files.walk(Path.of("src/test/example-family"))) {
      sources.filter(p -> p.toString().endsWith(".java")).forEach(p -> javac.add(p.toString()));
    }
    run("javac", javac);
    run("jar", List.of("--create", "--file", jar.toString(), "-C", classes.toString(), "."));
    return jar;
  }

  private static ClassLoader loaderOf(Path jar) {
    ModuleLayer boot = ModuleLayer.boot();
    Configuration resolved =
        boot.configuration()
            .resolveAndBind(
                ModuleFinder.of(jar), ModuleFinder.of(), Set.of("dev.lamina.example.family"));
    return boot.defineModulesWithOneLoader(resolved, ModelFamily.class.getClassLoader())
        .findLoader("dev.lamina.example.family");
  }

  @Test
  void aJarOnTheModulePathAddsItsModels() throws Exception {
    assertThatThrownBy(() -> ModelFamilies.parse(ModelConfig.parse("config.json", CONFIG)))
        .isInstanceOf(ModelException.class)
        .hasMessageContaining("got 'example_nope'");
    Thread thread = Thread.currentThread();
    ClassLoader before = thread.getContextClassLoader();
    thread.setContextClassLoader(loaderOf(exampleJar()));
    try (Checkpoint checkpoint = checkpoint()) {
      ModelPlan plan = ModelPlan.of(checkpoint, ModelOptions.DEFAULT);
      assertThat(plan.graph().nodes().stream().filter(n -> n.op() instanceof CompositeOp.Rope))
          .as("queries and keys of the 6 of 8 layers with positions")
          .hasSize(12);
      assertThat(plan.weights())
          .extracting(w -> w.spec().name())
          .contains("model.final_norm.weight", "lm_head.weight");
    } finally {
      thread.setContextClassLoader(before);
    }
  }

  private static Checkpoint checkpoint() throws ModelException {
    ModelConfig config = ModelConfig.parse("config.json", CONFIG);
    return new Checkpoint(
        "example",
        config,
        ModelFamilies.parse(config),
        GenerationConfig.of(config),
        new SyntheticTensors("example", DType.BF16, 1));
  }
}
