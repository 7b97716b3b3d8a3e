package dev.lamina.models;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.lamina.models.checkpoint.GenerationConfig;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.models.checkpoint.TensorSource;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Layout;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.TensorType;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Changes configurations of every family at random: keys taken away, values of the wrong kind, huge
 * numbers, keys of other families. Each is planned, or refused by one line, in time and memory that
 * fit it. Change {@code n} is the same in every run; {@code -Dlamina.fuzz.configs} sets how many,
 * {@code lamina.fuzz.first} from which on.
 */
class ConfigFuzzTest {
  private static final int CHANGES = Integer.getInteger("lamina.fuzz.configs", 120);
  private static final int FIRST = Integer.getInteger("lamina.fuzz.first", 0);
  private static final long MOST_NANOS = 5_000_000_000L;
  private static final long MOST_BYTES = 256L << 20;
  private static final JsonMapper JSON = JsonMapper.shared();

  /** Sizes that most families take. */
  private static final String USUAL =
      """
      {"vocab_size":96,"hidden_size":32,"num_hidden_layers":2,"num_attention_heads":4,
       "num_key_value_heads":4,"intermediate_size":48,"max_position_embeddings":128,"n_embd":32,
       "n_layer":2,"n_head":4,"n_positions":128,"num_layers":2,"num_heads":4,"d_model":32,
       "n_layers":2,"n_heads":4,"max_seq_len":64,"num_experts":8,"num_local_experts":8,
       "n_routed_experts":8,"moe_intermediate_size":16,"num_experts_per_tok":2,"moe_topk":2,
       "rope_parameters":{"rope_type":"default","rope_theta":10000.0},"layer_types":null}
      """;

  /** A text that is asked of a configuration. */
  private static final Pattern KEY =
      Pattern.compile("[a-zA-Z]\\(\\s*(?:c, )?\"([a-z][a-z_0-9]{2,})\"");

  /** What stands in place of a value. */
  private static final List<String> ODD =
      List.of(
          "null",
          "true",
          "false",
          "0",
          "1",
          "-1",
          "2",
          "3",
          "7",
          "33",
          "65536",
          "16777216",
          "2147483647",
          "2147483648",
          "9223372036854775807",
          "1e308",
          "-1e308",
          "1e-300",
          "0.5",
          "\"\"",
          "\"default\"",
          "\"full_attention\"",
          "\"auto\"",
          "\"silu\"",
          "[]",
          "{}",
          "[1,2]",
          "[[[]]]",
          "[null]",
          "{\"rope_type\":\"yarn\"}",
          "{\"rope_type\":\"llama3\",\"factor\":8}",
          "[\"full_attention\",\"linear_attention\"]",
          "[\"sliding_attention\",\"full_attention\"]");

  private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  @Test
  void everyConfiguration_isPlannedOrRefusedByOneLine() throws Exception {
    List<String> types = List.copyOf(ModelFamilies.byType().keySet());
    List<String> keys = keysAsked();
    int refused = 0;
    for (int n = FIRST; n < FIRST + CHANGES; n++) {
      String json = changed(types.get(n % types.size()), keys, new Random(n));
      refused += plan(n, json) ? 0 : 1;
    }
    assertThat(refused).isBetween(CHANGES / 4, CHANGES - CHANGES / 20);
  }

  /** Every key that the sources of a family, or of what families share, ask for. */
  private static List<String> keysAsked() throws Exception {
    TreeSet<String> keys = new TreeSet<>();
    try (Stream<Path> sources = Files.walk(Path.of("src/main/java/dev/lamina/models"))) {
      for (Path p : sources.filter(f -> f.toString().endsWith(".java")).toList()) {
        Matcher key = KEY.matcher(Files.readString(p));
        while (key.find()) {
          keys.add(key.group(1));
        }
      }
    }
    assertThat(keys).hasSizeGreaterThan(200);
    return List.copyOf(keys);
  }

  private static ObjectNode usual(String type) throws Exception {
    ObjectNode config = (ObjectNode) JSON.readTree(USUAL);
    return config.put("model_type", type);
  }

  private static String changed(String type, List<String> keys, Random random) throws Exception {
    ObjectNode config = usual(type);
    int changes = random.nextInt(4);
    for (int i = 0; i < changes; i++) {
      List<String> own = new ArrayList<>(config.propertyNames());
      own.remove("model_type");
      List<String> from = random.nextInt(3) == 0 ? own : keys;
      String key = from.get(random.nextInt(from.size()));
      if (random.nextInt(4) == 0) {
        config.remove(key);
      } else {
        JsonNode odd = JSON.readTree(ODD.get(random.nextInt(ODD.size())));
        config.set(key, odd);
      }
    }
    return config.toString();
  }

  /** Whether a configuration is planned; it may be refused. */
  private boolean plan(int n, String json) {
    long before = threads.getCurrentThreadAllocatedBytes();
    long start = threads.getCurrentThreadCpuTime();
    boolean planned = true;
    try (Shapes shapes = new Shapes()) {
      ModelConfig config = ModelConfig.parse("config.json", json);
      String type = config.string("model_type");
      GenerationConfig ends = GenerationConfig.of(config);
      ModelPlan.of(
          new Checkpoint(type, config, ModelFamilies.parse(config), ends, shapes),
          ModelOptions.DEFAULT);
    } catch (ModelException e) {
      planned = false;
      assertThat(e.getMessage()).as(json).matches("(read|plan|load) .*");
    } catch (RuntimeException | Error e) {
      throw new AssertionError("change %d: %s".formatted(n, json), e);
    }
    long nanos = threads.getCurrentThreadCpuTime() - start;
    long bytes = threads.getCurrentThreadAllocatedBytes() - before;
    if (nanos > MOST_NANOS || bytes > MOST_BYTES) {
      throw new AssertionError(
          "change %d: %d ns of CPU time and %d bytes for %s".formatted(n, nanos, bytes, json));
    }
    return planned;
  }

  /** A checkpoint that has every tensor in every shape, and no data. */
  private static final class Shapes implements TensorSource {
    @Override
    public String origin() {
      return "shapes";
    }

    @Override
    public List<StoredTensor> tensors() {
      return List.of();
    }

    @Override
    public @Nullable StoredTensor find(String name) {
      return null;
    }

    @Override
    public @Nullable StoredTensor find(String name, Shape needed) {
      TensorType type = new TensorType(DType.BF16, needed, Layout.DENSE);
      return StoredTensor.converted(name, type, "bf16", 0, () -> MemorySegment.NULL, "shapes");
    }

    @Override
    public void close() {}
  }
}
