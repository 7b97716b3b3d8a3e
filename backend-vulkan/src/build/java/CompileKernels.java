import static org.lwjgl.util.shaderc.Shaderc.*;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Compiles kernels to SPIR-V at build time: {@code java CompileKernels.java GLSL_FOLDER
 * OUTPUT_FOLDER}. A file {@code move.comp} holds a kernel for each {@code KERNEL_name} that its
 * conditions name, which becomes {@code move.name.spv}, and {@code move.name.pushed.spv} too if the
 * file defines {@code PUSHES}. Compiles only what is older than its source or an include, and
 * deletes what has no source any more.
 *
 * <p>Runs on the JDK that runs Maven, so it is Java 17.
 */
public final class CompileKernels {
  private static final Pattern CONDITION = Pattern.compile("(?m)^#(?:ifdef |if |elif ).*$");
  private static final Pattern NAME = Pattern.compile("\\bKERNEL_(\\w+)");
  private static final Pattern PUSHES = Pattern.compile("(?m)^#define PUSHES$");
  private static final Pattern INCLUDE = Pattern.compile("(?m)^#include \"([\\w.]+)\"$");

  private static final int HEADER_WORDS = 5;
  private static final int OP_CAPABILITY = 17;
  private static final int OP_TYPE_INT = 21;
  private static final int OP_CONSTANT = 43;
  private static final int INT16 = 22;
  private static final int INT8 = 39;

  private static final String HEAD =
      "#version 460\n#extension GL_GOOGLE_cpp_style_line_directive : require\n";

  private final Path source;
  private final Path out;
  private final Set<Path> made = new HashSet<>();
  private long compiler;
  private int compiled;

  private CompileKernels(Path source, Path out) {
    this.source = source;
    this.out = out;
  }

  /** Compiles a folder. */
  public static void main(String[] args) throws IOException {
    new CompileKernels(Path.of(args[0]), Path.of(args[1])).compileAll();
  }

  private void compileAll() throws IOException {
    Files.createDirectories(out);
    for (Path file : list(source, ".comp")) {
      compile(file);
    }
    for (Path file : list(out, ".spv")) {
      if (!made.contains(file)) {
        Files.delete(file);
      }
    }
    System.out.printf("kernels: %d, of which %d were compiled anew%n", made.size(), compiled);
  }

  private static List<Path> list(Path folder, String ending) throws IOException {
    try (Stream<Path> all = Files.list(folder)) {
      return all.filter(f -> f.toString().endsWith(ending)).sorted().toList();
    }
  }

  private void compile(Path file) throws IOException {
    Set<Path> read = new HashSet<>();
    String text = HEAD + expanded(file, read);
    long newest = 0;
    for (Path f : read) {
      newest = Math.max(newest, Files.getLastModifiedTime(f).toMillis());
    }
    Set<String> kernels = new LinkedHashSet<>();
    Matcher line = CONDITION.matcher(text);
    while (line.find()) {
      NAME.matcher(line.group()).results().forEach(name -> kernels.add(name.group(1)));
    }
    if (kernels.isEmpty()) {
      throw new IOException(
          file + ": expected a condition on KERNEL_name for each kernel, found none");
    }
    String base = file.getFileName().toString().replace(".comp", "");
    boolean pushes = PUSHES.matcher(text).find();
    for (String kernel : kernels) {
      String name = base + "." + kernel;
      make(out.resolve(name + ".spv"), file, text, newest, List.of("KERNEL_" + kernel));
      if (pushes) {
        Path pushed = out.resolve(name + ".pushed.spv");
        make(pushed, file, text, newest, List.of("KERNEL_" + kernel, "PUSHED"));
      }
    }
  }

  private void make(Path to, Path file, String text, long newest, List<String> macros)
      throws IOException {
    made.add(to);
    if (!Files.exists(to) || Files.getLastModifiedTime(to).toMillis() < newest) {
      write(to, file, text, macros);
      compiled++;
    }
  }

  /** The text with what it includes, each file once. */
  private String expanded(Path file, Set<Path> read) {
    if (!read.add(file)) {
      return "";
    }
    String name = file.getFileName().toString();
    try {
      String text = Files.readString(file);
      StringBuilder all = new StringBuilder();
      Matcher m = INCLUDE.matcher(text);
      int from = 0;
      while (m.find()) {
        all.append(text, from, m.start()).append(expanded(source.resolve(m.group(1)), read));
        int line = 1 + (int) text.substring(0, m.end()).chars().filter(c -> c == '\n').count();
        all.append("\n#line ").append(line + 1).append(" \"").append(name).append('"');
        from = m.end();
      }
      return "#line 1 \"" + name + "\"\n" + all + text.substring(from);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Adds the capabilities for constants of 8 and 16 bits, which the optimiser makes of conversions
   * and takes no capability for. SPIR-V specification 1.5, 2.3 (physical layout), 3.31.
   */
  private static ByteBuffer withSmallIntegers(ByteBuffer module) {
    IntBuffer words = module.order(ByteOrder.LITTLE_ENDIAN).asIntBuffer();
    Map<Integer, Integer> capabilityOfType = new HashMap<>();
    Set<Integer> missing = new TreeSet<>();
    Set<Integer> declared = new HashSet<>();
    for (int at = HEADER_WORDS; at < words.limit(); at += words.get(at) >>> 16) {
      int word = words.get(at);
      int first = word >>> 16 > 1 ? words.get(at + 1) : 0;
      switch (word & 0xFFFF) {
        case OP_CAPABILITY -> declared.add(first);
        case OP_TYPE_INT -> {
          int bits = words.get(at + 2);
          if (bits < 32) {
            capabilityOfType.put(first, bits == 16 ? INT16 : INT8);
          }
        }
        case OP_CONSTANT -> {
          if (capabilityOfType.containsKey(first)) {
            missing.add(capabilityOfType.get(first));
          }
        }
        default -> {}
      }
    }
    missing.removeAll(declared);
    ByteBuffer out =
        ByteBuffer.allocate(module.remaining() + 8 * missing.size())
            .order(ByteOrder.LITTLE_ENDIAN)
            .put(module.slice(0, 4 * HEADER_WORDS));
    missing.forEach(capability -> out.putInt(2 << 16 | OP_CAPABILITY).putInt(capability));
    return out.put(module.slice(4 * HEADER_WORDS, module.remaining() - 4 * HEADER_WORDS)).flip();
  }

  private void write(Path to, Path file, String text, List<String> macros) throws IOException {
    if (compiler == 0) {
      compiler = shaderc_compiler_initialize();
    }
    long options = shaderc_compile_options_initialize();
    shaderc_compile_options_set_target_env(
        options, shaderc_target_env_vulkan, shaderc_env_version_vulkan_1_2);
    shaderc_compile_options_set_optimization_level(options, shaderc_optimization_level_performance);
    shaderc_compile_options_set_warnings_as_errors(options);
    for (String macro : macros) {
      shaderc_compile_options_add_macro_definition(options, macro, "1");
    }
    long result =
        shaderc_compile_into_spv(
            compiler, text, shaderc_compute_shader, file.getFileName().toString(), "main", options);
    shaderc_compile_options_release(options);
    try {
      if (shaderc_result_get_compilation_status(result) != shaderc_compilation_status_success) {
        throw new IOException(
            "kernel %s of %s: %s"
                .formatted(to.getFileName(), file, shaderc_result_get_error_message(result)));
      }
      ByteBuffer words = withSmallIntegers(shaderc_result_get_bytes(result));
      // Moved when whole: a build that was killed must not leave half a file that looks new.
      Path work = to.resolveSibling(to.getFileName() + ".tmp");
      try (FileChannel channel =
          FileChannel.open(
              work,
              StandardOpenOption.CREATE,
              StandardOpenOption.WRITE,
              StandardOpenOption.TRUNCATE_EXISTING)) {
        while (words.hasRemaining()) {
          channel.write(words);
        }
      }
      Files.move(work, to, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      shaderc_result_release(result);
    }
  }
}
