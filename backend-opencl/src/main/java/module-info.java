/** The backend for devices with an OpenCL driver, through LWJGL. */
module dev.lamina.backend.opencl {
  requires dev.lamina.spi;
  requires dev.lamina.backend.sdk;
  requires org.lwjgl;
  requires org.lwjgl.opencl;
  requires static org.jspecify;

  provides dev.lamina.spi.BackendProvider with
      dev.lamina.backend.opencl.OpenClBackendProvider;
}
