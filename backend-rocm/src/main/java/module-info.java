/** The backend for AMD GPUs: HIP through {@code java.lang.foreign}. */
module dev.lamina.backend.rocm {
  requires dev.lamina.spi;
  requires dev.lamina.backend.sdk;
  requires static org.jspecify;

  provides dev.lamina.spi.BackendProvider with
      dev.lamina.backend.rocm.RocmBackendProvider;
}
