import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.Locale;

/**
 * Times a command from its start to the first byte on its stdout, and to its exit:
 *
 * <pre>java bin/FirstToken.java 11 bin/lamina run "What is 12 + 30?"</pre>
 *
 * One run first that does not count; then as many as the first argument says.
 */
final class FirstToken {
  private FirstToken() {}

  public static void main(String[] args) throws IOException, InterruptedException {
    int runs = Integer.parseInt(args[0]);
    String[] command = Arrays.copyOfRange(args, 1, args.length);
    double[] first = new double[runs];
    double[] exit = new double[runs];
    for (int i = -1; i < runs; i++) {
      double[] times = time(command);
      if (i >= 0) {
        first[i] = times[0];
        exit[i] = times[1];
      }
    }
    print("first byte", first);
    print("exit", exit);
  }

  private static double[] time(String[] command) throws IOException, InterruptedException {
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.redirectError(ProcessBuilder.Redirect.DISCARD);
    long start = System.nanoTime();
    Process process = builder.start();
    process.getOutputStream().close();
    InputStream out = process.getInputStream();
    int read = out.read();
    double first = (System.nanoTime() - start) / 1e9;
    out.readAllBytes();
    int code = process.waitFor();
    double exit = (System.nanoTime() - start) / 1e9;
    if (read < 0 || code != 0) {
      throw new IOException(
          "time %s: expected output and exit code 0, got %s and code %d; run it alone"
              .formatted(String.join(" ", command), read < 0 ? "none" : "some", code));
    }
    return new double[] {first, exit};
  }

  private static void print(String what, double[] seconds) {
    Arrays.sort(seconds);
    System.out.printf(
        Locale.ROOT,
        "%-10s  median %.3f s, %.3f to %.3f s of %d%n",
        what,
        seconds[seconds.length / 2],
        seconds[0],
        seconds[seconds.length - 1],
        seconds.length);
  }
}
