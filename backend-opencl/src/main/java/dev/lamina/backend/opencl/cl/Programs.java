package dev.lamina.backend.opencl.cl;

import dev.lamina.backend.sdk.UserCache;
import dev.lamina.backend.sdk.grid.KernelCache;
import dev.lamina.backend.sdk.grid.KernelSource;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Builds programs for one device, each once a machine: what a driver built is kept on disk, by the
 * hash of the source, the options, the device and the driver's version.
 */
public final class Programs {
  private static final System.Logger LOG = System.getLogger(Programs.class.getName());
  private static final Pattern INCLUDE =
      Pattern.compile("^#include \"([^\"]+)\"$", Pattern.MULTILINE);

  private final long context;
  private final DeviceFacts facts;
  private final KernelCache cache;
  private final String options;

  /**
   * Programs of a device.
   *
   * @param context of the device
   * @param facts of the device
   * @param cache of built ones
   * @param options to the driver's compiler
   */
  public Programs(long context, DeviceFacts facts, KernelCache cache, String options) {
    this.context = context;
    this.facts = facts;
    this.cache = cache;
    this.options = options;
  }

  /**
   * Where built programs are kept: in the folder that the property {@code lamina.opencl.cache} or
   * the variable {@code LAMINA_OPENCL_CACHE} names, else in {@code lamina/opencl} of {@code
   * XDG_CACHE_HOME} or {@code ~/.cache}.
   *
   * @param properties of the system
   * @param env of the process
   * @return the folder's programs, if there are any yet
   */
  public static KernelCache cache(Properties properties, Map<String, String> env) {
    Path folder = UserCache.folder(properties, env, "opencl", "opencl");
    return new KernelCache(folder, ".bin", "LAMINA_OPENCL_CACHE");
  }

  /**
   * A source of this jar with what it includes.
   *
   * @param file with its ending, such as {@code move.cl}
   * @return whole
   */
  public static String source(String file) {
    Matcher includes = INCLUDE.matcher(resource(file));
    return includes.replaceAll(m -> Matcher.quoteReplacement(source(m.group(1))));
  }

  private static String resource(String file) {
    try (InputStream in = Programs.class.getResourceAsStream(file)) {
      if (in == null) {
        throw new IllegalStateException(
            "opencl: expected %s in the jar, found none".formatted(file));
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException("opencl: the jar's " + file + " can't be read", e);
    }
  }

  /**
   * Builds a program.
   *
   * @param name for messages
   * @param source whole
   * @return a handle to release
   * @throws ClException if it does not build; the message has what the compiler said
   */
  public long build(String name, String source) throws ClException {
    String key =
        KernelCache.key(
            new KernelSource(name, source, Map.of()),
            List.of(options, facts.platformName(), facts.name(), facts.version()),
            facts.driverVersion());
    Optional<byte[]> known = cache.read(key);
    if (known.isPresent()) {
      try {
        return built(Cl.createProgram(context, facts.device(), known.get()), name);
      } catch (ClException e) {
        LOG.log(
            System.Logger.Level.WARNING,
            "opencl: the driver refuses what it built of {0} before ({1}); it builds anew",
            name,
            e.getMessage());
      }
    }
    long program = built(Cl.createProgram(context, source), name);
    byte[] binary = Cl.binary(program);
    if (binary.length > 0) {
      cache.write(key, binary);
    }
    return program;
  }

  private long built(long program, String name) throws ClException {
    try {
      Cl.build(program, facts.device(), options, name);
      return program;
    } catch (ClException e) {
      Cl.releaseProgram(program);
      throw e;
    }
  }
}
