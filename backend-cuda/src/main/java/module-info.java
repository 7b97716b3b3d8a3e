/** The backend for NVIDIA GPUs: the CUDA driver API through {@code java.lang.foreign}. */
module dev.lamina.backend.cuda {
  requires dev.lamina.spi;
  requires dev.lamina.backend.sdk;
  requires static org.jspecify;

  exports dev.lamina.backend.cuda.driver;

  uses dev.lamina.backend.cuda.driver.DriverBinding;

  provides dev.lamina.spi.BackendProvider with
      dev.lamina.backend.cuda.CudaBackendProvider;
}
