package dev.lamina.backend.tornado;

import org.jspecify.annotations.Nullable;

/**
 * How this JVM was started, as far as TornadoVM needs it.
 *
 * @param isBuilt whether the kernels were compiled into this build
 * @param home the SDK's folder, or null
 * @param hasModules whether TornadoVM's modules are in the JVM
 * @param recovers value of {@code tornado.recover.bailout}, or null
 * @param flags what OpenCL's compiler is told, or null for TornadoVM's own choice
 */
record Start(
    boolean isBuilt,
    @Nullable String home,
    boolean hasModules,
    @Nullable String recovers,
    @Nullable String flags) {
  /** This JVM. */
  static Start here() {
    // Asked for as a file: the class would not load in a JVM without TornadoVM.
    boolean isBuilt = Start.class.getResource("vm/TornadoVmRuntime.class") != null;
    return new Start(
        isBuilt,
        System.getenv("TORNADOVM_HOME"),
        ModuleLayer.boot().findModule("tornado.runtime").isPresent(),
        System.getProperty("tornado.recover.bailout"),
        System.getProperty("tornado.opencl.compiler.flags"));
  }

  /** Why there is no TornadoVM here, or null. */
  @Nullable String missing() {
    if (!isBuilt) {
      return "tornado: its kernels were left out of this build; set TORNADOVM_HOME to TornadoVM's"
          + " SDK and build again";
    }
    if (home == null) {
      return "tornado: TORNADOVM_HOME is not set; let it name the folder of TornadoVM's SDK";
    }
    if (!hasModules) {
      return "tornado: this JVM was started without TornadoVM's modules; name the backend to"
          + " bin/lamina: --backend tornado";
    }
    return null;
  }

  /** What of the start would make results wrong, or null. */
  @Nullable String wrong() {
    if (!"false".equalsIgnoreCase(recovers)) {
      return "tornado: expected -Dtornado.recover.bailout=False, so that what TornadoVM can't"
          + " compile is an error, got "
          + recovers;
    }
    if (flags == null || flags.contains("fast")) {
      return "tornado: expected -Dtornado.opencl.compiler.flags without fast math, got "
          + (flags == null ? "TornadoVM's own, which have it" : flags);
    }
    return null;
  }
}
