/** The backend that is always there: the CPU through the JDK Vector API. */
module dev.lamina.backend.cpuvector {
  requires dev.lamina.spi;
  requires dev.lamina.backend.sdk;
  requires java.management;
  requires jdk.management;
  requires jdk.incubator.vector;
  requires static org.jspecify;

  provides dev.lamina.spi.BackendProvider with
      dev.lamina.backend.cpuvector.CpuVectorBackendProvider;
}
