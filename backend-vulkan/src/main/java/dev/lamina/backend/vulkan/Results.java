package dev.lamina.backend.vulkan;

import static org.lwjgl.vulkan.VK10.VK_ERROR_DEVICE_LOST;
import static org.lwjgl.vulkan.VK10.VK_ERROR_EXTENSION_NOT_PRESENT;
import static org.lwjgl.vulkan.VK10.VK_ERROR_FEATURE_NOT_PRESENT;
import static org.lwjgl.vulkan.VK10.VK_ERROR_INCOMPATIBLE_DRIVER;
import static org.lwjgl.vulkan.VK10.VK_ERROR_INITIALIZATION_FAILED;
import static org.lwjgl.vulkan.VK10.VK_ERROR_OUT_OF_DEVICE_MEMORY;
import static org.lwjgl.vulkan.VK10.VK_ERROR_OUT_OF_HOST_MEMORY;
import static org.lwjgl.vulkan.VK10.VK_ERROR_TOO_MANY_OBJECTS;

import dev.lamina.backend.sdk.BackendFailure;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.DeviceLost;
import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.OutOfDeviceMemory;
import dev.lamina.spi.Unsupported;

/** What Vulkan's result codes are to users of the SPI. */
final class Results {
  private Results() {}

  /**
   * Checks a call.
   *
   * @param result what it returned; positive codes are no failures
   * @param what that was being done, for the message
   * @throws BackendFailure if it failed
   */
  static void check(int result, String what) {
    if (result < 0) {
      throw new BackendFailure(of(result, what));
    }
  }

  /** The SPI's exception for a failure. */
  static BackendException of(int result, String what) {
    String message = "%s: %s (%d)".formatted(what, name(result), result);
    return switch (result) {
      case VK_ERROR_OUT_OF_DEVICE_MEMORY, VK_ERROR_OUT_OF_HOST_MEMORY, VK_ERROR_TOO_MANY_OBJECTS ->
          new OutOfDeviceMemory(
              message + "; a model takes less with --kv-memory or --max-num-batched-tokens", null);
      case VK_ERROR_DEVICE_LOST -> new DeviceLost(message + "; start the process anew", null);
      case VK_ERROR_FEATURE_NOT_PRESENT, VK_ERROR_EXTENSION_NOT_PRESENT -> new Unsupported(message);
      default -> new InvalidProgram(message);
    };
  }

  /** The code's name in the specification, as far as compute meets it. */
  static String name(int result) {
    return switch (result) {
      case VK_ERROR_OUT_OF_HOST_MEMORY -> "VK_ERROR_OUT_OF_HOST_MEMORY";
      case VK_ERROR_OUT_OF_DEVICE_MEMORY -> "VK_ERROR_OUT_OF_DEVICE_MEMORY";
      case VK_ERROR_INITIALIZATION_FAILED -> "VK_ERROR_INITIALIZATION_FAILED";
      case VK_ERROR_DEVICE_LOST -> "VK_ERROR_DEVICE_LOST";
      case VK_ERROR_EXTENSION_NOT_PRESENT -> "VK_ERROR_EXTENSION_NOT_PRESENT";
      case VK_ERROR_FEATURE_NOT_PRESENT -> "VK_ERROR_FEATURE_NOT_PRESENT";
      case VK_ERROR_INCOMPATIBLE_DRIVER -> "VK_ERROR_INCOMPATIBLE_DRIVER";
      case VK_ERROR_TOO_MANY_OBJECTS -> "VK_ERROR_TOO_MANY_OBJECTS";
      default -> "VkResult";
    };
  }
}
