package dev.lamina.backend.tornado;

import dev.lamina.spi.BackendException;
import java.util.List;

/** TornadoVM as this backend sees it; the one that there is was compiled against the SDK. */
public interface TornadoRuntime {
  /**
   * What is known of a device without taking memory on it.
   *
   * @param name the chip's
   * @param platform who offers it, such as an OpenCL platform
   * @param language what TornadoVM compiles for it: OPENCL, PTX or SPIRV
   * @param totalBytes of memory
   * @param maxAllocationBytes of one allocation
   */
  record DeviceFacts(
      String name, String platform, String language, long totalBytes, long maxAllocationBytes) {}

  /**
   * The devices, whatever their languages.
   *
   * @return in TornadoVM's order
   * @throws BackendException if TornadoVM itself does not start
   */
  List<DeviceFacts> devices() throws BackendException;

  /**
   * Takes a device: its memory is taken once a process and kept.
   *
   * @param ordinal of {@link #devices}
   * @param bytes of memory
   * @return the device
   * @throws BackendException if there is not so much memory, or the device takes no kernel
   */
  TornadoDevice open(int ordinal, long bytes) throws BackendException;
}
