package dev.lamina.backend.vulkan;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Runs a main class of the tests in a process of its own. */
final class ChildJvm {
  private ChildJvm() {}

  /** Its output, after an exit code of 0. */
  static String run(Class<?> main, String... options) throws Exception {
    return run(main, List.of(options), List.of());
  }

  static String run(Class<?> main, List<String> options, List<String> environment)
      throws Exception {
    ProcessBuilder builder = builder(main, options);
    for (String setting : environment) {
      int at = setting.indexOf('=');
      builder.environment().put(setting.substring(0, at), setting.substring(at + 1));
    }
    return output(builder.start());
  }

  /** A process that is not started yet. */
  static ProcessBuilder builder(Class<?> main, List<String> options) {
    List<String> command = new ArrayList<>();
    command.add(System.getProperty("java.home") + "/bin/java");
    command.add("--enable-native-access=ALL-UNNAMED");
    command.add("-Djava.io.tmpdir=" + System.getProperty("java.io.tmpdir"));
    command.addAll(options);
    command.add("-cp");
    command.add(
        System.getProperty("java.class.path") + ":" + System.getProperty("jdk.module.path", ""));
    command.add(main.getName());
    return new ProcessBuilder(command).redirectErrorStream(true);
  }

  /** Its output, after an exit code of 0. */
  static String output(Process process) throws Exception {
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (!process.waitFor(60, TimeUnit.SECONDS) || process.exitValue() != 0) {
      throw new AssertionError(
          "expected exit code 0, got " + process.exitValue() + " and:\n" + output);
    }
    return output;
  }
}
