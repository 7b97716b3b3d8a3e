// What jextract reads: see bin/hip-bindings.
#include <hip/hip_runtime_api.h>
#include <hip/hiprtc.h>

// ROCm 6 and newer have it, and its struct is another one.
hipError_t hipGetDevicePropertiesR0600(void* properties, int device);
