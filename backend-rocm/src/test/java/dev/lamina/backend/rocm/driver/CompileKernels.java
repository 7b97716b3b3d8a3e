package dev.lamina.backend.rocm.driver;

import dev.lamina.backend.rocm.library.HipLibrary;
import dev.lamina.backend.sdk.grid.KernelCache;
import dev.lamina.backend.sdk.grid.KernelSource;
import java.nio.file.Path;
import java.util.List;

/**
 * Compiles kernel files by the hiprtc of this machine, in a process of its own, which it may take
 * down: the argument is an architecture, or one that is refused behind {@code refuse}. What an
 * earlier build compiled of the same sources, by the same version, is kept.
 */
final class CompileKernels {
  static final List<String> FILES =
      List.of(
          "move",
          "elementwise",
          "fold",
          "layers",
          "linear",
          "rounded",
          "attention",
          "index",
          "route",
          "recurrent",
          "sampling");

  private CompileKernels() {}

  public static void main(String[] args) throws HipException {
    if (HipLibrary.find().isEmpty()) {
      System.out.println("absent");
      return;
    }
    int version = new Hip(HipLibrary.find().get()).version();
    Hiprtc compiler = new Hiprtc(Architectures.ofSystem(version));
    if (args[0].equals("refuse")) {
      try {
        compiler.compile(KernelModules.source("move"), args[1]);
      } catch (HipException e) {
        System.out.println(e.getMessage());
      }
      return;
    }
    KernelCache kept = new KernelCache(Path.of("target", "hiprtc"), ".hsaco", "nothing");
    for (String file : FILES) {
      KernelSource source = KernelModules.source(file);
      String key = KernelCache.key(source, Hiprtc.options(args[0]), "hiprtc " + version);
      byte[] code = kept.read(key).orElse(null);
      if (code == null) {
        code = compiler.compile(source, args[0]);
        kept.write(key, code);
      }
      System.out.printf("%s %s %d %c%c%c%n", args[0], file, code.length, code[1], code[2], code[3]);
    }
  }
}
