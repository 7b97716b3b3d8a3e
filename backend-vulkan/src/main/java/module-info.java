/** The backend for any GPU with a Vulkan driver: compute shaders, through LWJGL. */
module dev.lamina.backend.vulkan {
  requires dev.lamina.spi;
  requires dev.lamina.backend.sdk;
  requires org.lwjgl;
  requires org.lwjgl.vulkan;
  requires static org.jspecify;

  provides dev.lamina.spi.BackendProvider with
      dev.lamina.backend.vulkan.VulkanBackendProvider;
}
