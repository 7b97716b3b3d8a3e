package dev.lamina.backend.opencl.cl;

import java.util.Set;
import org.lwjgl.opencl.CL10;
import org.lwjgl.opencl.CL12;

/**
 * What a driver tells of a device without a context on it.
 *
 * @param platform handle of its platform
 * @param device its handle
 * @param platformName such as {@code Portable Computing Language}
 * @param name of the product
 * @param version such as {@code OpenCL 3.0 PoCL}
 * @param driverVersion the driver's own
 * @param isCpu whether its work-items are a host's threads
 * @param computeUnits to size grids by
 * @param memoryBytes of the device
 * @param maxAllocationBytes of one buffer
 * @param maxGroup work-items of a group at most
 * @param localBytes memory that a group shares
 * @param maxParameterBytes of a kernel's arguments
 * @param hasSubnormals whether floats may be subnormal
 * @param isExact whether division and square root can be rounded correctly
 * @param extensions by their names
 */
public record DeviceFacts(
    long platform,
    long device,
    String platformName,
    String name,
    String version,
    String driverVersion,
    boolean isCpu,
    int computeUnits,
    long memoryBytes,
    long maxAllocationBytes,
    long maxGroup,
    long localBytes,
    long maxParameterBytes,
    boolean hasSubnormals,
    boolean isExact,
    Set<String> extensions) {
  /** Copies the set. */
  public DeviceFacts {
    extensions = Set.copyOf(extensions);
  }

  static DeviceFacts of(long platform, long device) throws ClException {
    long floats = Cl.deviceNumber(device, CL10.CL_DEVICE_SINGLE_FP_CONFIG);
    return new DeviceFacts(
        platform,
        device,
        Cl.platformText(platform, CL10.CL_PLATFORM_NAME),
        Cl.deviceText(device, CL10.CL_DEVICE_NAME),
        Cl.deviceText(device, CL10.CL_DEVICE_VERSION),
        Cl.deviceText(device, CL10.CL_DRIVER_VERSION),
        (Cl.deviceNumber(device, CL10.CL_DEVICE_TYPE) & CL10.CL_DEVICE_TYPE_CPU) != 0,
        (int) Cl.deviceNumber(device, CL10.CL_DEVICE_MAX_COMPUTE_UNITS),
        Cl.deviceNumber(device, CL10.CL_DEVICE_GLOBAL_MEM_SIZE),
        Cl.deviceNumber(device, CL10.CL_DEVICE_MAX_MEM_ALLOC_SIZE),
        Cl.deviceNumber(device, CL10.CL_DEVICE_MAX_WORK_GROUP_SIZE),
        Cl.deviceNumber(device, CL10.CL_DEVICE_LOCAL_MEM_SIZE),
        Cl.deviceNumber(device, CL10.CL_DEVICE_MAX_PARAMETER_SIZE),
        (floats & CL10.CL_FP_DENORM) != 0,
        (floats & CL12.CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT) != 0,
        Set.of(Cl.deviceText(device, CL10.CL_DEVICE_EXTENSIONS).split("\\s+")));
  }

  /**
   * The version of OpenCL.
   *
   * @return ten times the major number and the minor one, such as 12; 0 if the text has none
   */
  public int versionNumber() {
    String[] words = version.split(" ");
    if (words.length > 1 && words[1].matches("\\d\\.\\d.*")) {
      return 10 * (words[1].charAt(0) - '0') + words[1].charAt(2) - '0';
    }
    return 0;
  }
}
