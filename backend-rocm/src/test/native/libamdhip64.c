// HIP's runtime and run-time compiler for tests, implemented over the CUDA driver API and NVRTC.
//
//   cc -std=c11 -shared -fPIC -o libamdhip64.so libamdhip64.c -ldl
//
// It shows that the backend's bindings, its order of work and the geometry of its launches are right,
// on an NVIDIA GPU or over backend-cuda's stub of the driver, and nothing about an AMD GPU: its devices
// say so in their names. Both libraries are opened when they are first needed, so it builds without
// CUDA. LAMINA_SHIM_CUDA and LAMINA_SHIM_NVRTC name others than the system's, as does shim_libraries.
//
// Numbers of hipError_t are those of CUresult as far as the backend reads them.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHIM __attribute__((visibility("default")))

enum {
  NO_DEVICE = 100,
  INVALID_DEVICE = 101,
  NOT_SUPPORTED = 801,
  MAX_DEVICES = 16,
  // As of HIP 6.3.
  VERSION = 60300000,
  PROPERTIES_BYTES = 1472,
  ARCH_OFFSET = 1160,
};

typedef void* Handle;

static char cudaName[4096];
static char nvrtcName[4096];
static void* cuda;
static void* nvrtc;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static Handle contexts[MAX_DEVICES];
static _Thread_local int hasContext;

// Which libraries to open; for tests, before anything else.
SHIM int shim_libraries(const char* driver, const char* compiler) {
  snprintf(cudaName, sizeof cudaName, "%s", driver);
  snprintf(nvrtcName, sizeof nvrtcName, "%s", compiler);
  return 0;
}

// Forgets the contexts, as the driver under it was reset.
SHIM int shim_reset(void) {
  pthread_mutex_lock(&mutex);
  memset(contexts, 0, sizeof contexts);
  pthread_mutex_unlock(&mutex);
  return 0;
}

static void* openFirst(const char* set, const char* variable, const char* const* names) {
  const char* named = *set ? set : getenv(variable);
  if (named) return dlopen(named, RTLD_NOW | RTLD_LOCAL);
  for (; *names; names++) {
    void* library = dlopen(*names, RTLD_NOW | RTLD_LOCAL);
    if (library) return library;
  }
  return NULL;
}

static void* symbol(void** library, const char* name) {
  static const char* const CUDA[] = {"libcuda.so.1", NULL};
  static const char* const NVRTC[] = {
      "libnvrtc.so.13", "libnvrtc.so.12", "/usr/local/cuda/lib64/libnvrtc.so", NULL};
  pthread_mutex_lock(&mutex);
  if (!*library) {
    *library = library == &cuda ? openFirst(cudaName, "LAMINA_SHIM_CUDA", CUDA)
                                : openFirst(nvrtcName, "LAMINA_SHIM_NVRTC", NVRTC);
  }
  void* found = *library ? dlsym(*library, name) : NULL;
  pthread_mutex_unlock(&mutex);
  return found;
}

// Calls a function of the driver, or of NVRTC, that returns an int.
#define CALL(library, name, types, ...)                             \
  ({                                                                \
    static int(*called) types;                                      \
    if (!called) *(void**)&called = symbol(&library, name);         \
    called ? called(__VA_ARGS__) : NOT_SUPPORTED;                   \
  })
#define CU(name, types, ...) CALL(cuda, name, types, __VA_ARGS__)
#define NV(name, types, ...) CALL(nvrtc, name, types, __VA_ARGS__)

// ---- The runtime and devices.

SHIM int hipInit(unsigned flags) {
  if (!symbol(&cuda, "cuInit")) return INVALID_DEVICE;
  int result = CU("cuInit", (unsigned), flags);
  // HIP's words for no GPU, when it initializes.
  return result == NO_DEVICE ? INVALID_DEVICE : result;
}

SHIM int hipRuntimeGetVersion(int* version) {
  *version = VERSION;
  return 0;
}

static const char* text(const char* function, int error) {
  int (*of)(int, const char**);
  *(void**)&of = symbol(&cuda, function);
  const char* words = NULL;
  return of && !of(error, &words) ? words : NULL;
}

SHIM const char* hipGetErrorName(int error) {
  switch (error) {
    case 0: return "hipSuccess";
    case 1: return "hipErrorInvalidValue";
    case 2: return "hipErrorOutOfMemory";
    case 3: return "hipErrorNotInitialized";
    case NO_DEVICE: return "hipErrorNoDevice";
    case INVALID_DEVICE: return "hipErrorInvalidDevice";
    case 200: return "hipErrorInvalidImage";
    case 209: return "hipErrorNoBinaryForGpu";
    case 400: return "hipErrorInvalidHandle";
    case 500: return "hipErrorNotFound";
    case 600: return "hipErrorNotReady";
    case 700: return "hipErrorIllegalAddress";
    case 719: return "hipErrorLaunchFailure";
    case NOT_SUPPORTED: return "hipErrorNotSupported";
    default: return "hipErrorUnknown";
  }
}

SHIM const char* hipGetErrorString(int error) {
  const char* words = text("cuGetErrorString", error);
  return words ? words : hipGetErrorName(error);
}

SHIM int hipGetDeviceCount(int* count) {
  *count = 0;
  int result = CU("cuDeviceGetCount", (int*), count);
  return result || *count ? result : NO_DEVICE;
}

SHIM int hipSetDevice(int device) {
  if (device < 0 || device >= MAX_DEVICES) return INVALID_DEVICE;
  pthread_mutex_lock(&mutex);
  Handle context = contexts[device];
  pthread_mutex_unlock(&mutex);
  if (!context) {
    int result = CU("cuDevicePrimaryCtxRetain", (Handle*, int), &context, device);
    if (result) return result;
    pthread_mutex_lock(&mutex);
    contexts[device] = context;
    pthread_mutex_unlock(&mutex);
  }
  int result = CU("cuCtxSetCurrent", (Handle), context);
  hasContext = !result;
  return result;
}

// What every call does first that needs a device: without a choice it is the first one.
#define ON_DEVICE()                          \
  do {                                       \
    int chosen = hasContext ? 0 : hipSetDevice(0); \
    if (chosen) return chosen;               \
  } while (0)

SHIM int hipDeviceGetName(char* name, int length, int device) {
  char cudaDevice[128];
  int result = CU("cuDeviceGetName", (char*, int, int), cudaDevice, sizeof cudaDevice, device);
  if (!result) snprintf(name, (size_t)length, "HIP API over a CUDA shim (%s)", cudaDevice);
  return result;
}

static int attribute(int* value, int number, int device) {
  return CU("cuDeviceGetAttribute", (int*, int, int), value, number, device);
}

// hipDeviceAttribute_t to CUdevice_attribute, of those that the backend asks for.
SHIM int hipDeviceGetAttribute(int* value, int hipAttribute, int device) {
  switch (hipAttribute) {
    case 59: return attribute(value, 37, device);  // MemoryBusWidth
    case 60: return attribute(value, 36, device);  // MemoryClockRate
    case 63: return attribute(value, 16, device);  // MultiprocessorCount
    case 74: return attribute(value, 8, device);   // MaxSharedMemoryPerBlock
    case 87: return attribute(value, 10, device);  // WarpSize
    default: return 1;
  }
}

SHIM int hipDeviceTotalMem(size_t* bytes, int device) {
  return CU("cuDeviceTotalMem_v2", (size_t*, int), bytes, device);
}

SHIM int hipGetDevicePropertiesR0600(void* properties, int device) {
  int major, minor;
  int result = attribute(&major, 75, device);
  if (!result) result = attribute(&minor, 76, device);
  if (result) return result;
  memset(properties, 0, PROPERTIES_BYTES);
  // With a feature behind it, as AMD's have.
  sprintf((char*)properties + ARCH_OFFSET, "sm_%d%d:shim+", major, minor);
  return 0;
}

// ---- Memory.

SHIM int hipMalloc(void** address, size_t bytes) {
  ON_DEVICE();
  return CU("cuMemAlloc_v2", (void**, size_t), address, bytes);
}

SHIM int hipFree(void* address) {
  ON_DEVICE();
  return address ? CU("cuMemFree_v2", (void*), address) : 0;
}

SHIM int hipHostMalloc(void** memory, size_t bytes, unsigned flags) {
  ON_DEVICE();
  return CU("cuMemHostAlloc", (void**, size_t, unsigned), memory, bytes, flags);
}

SHIM int hipHostFree(void* memory) {
  ON_DEVICE();
  return CU("cuMemFreeHost", (void*), memory);
}

SHIM int hipHostGetDevicePointer(void** device, void* host, unsigned flags) {
  ON_DEVICE();
  return CU("cuMemHostGetDevicePointer_v2", (void**, void*, unsigned), device, host, flags);
}

SHIM int hipMemcpyHtoDAsync(void* to, const void* from, size_t bytes, Handle stream) {
  ON_DEVICE();
  return CU("cuMemcpyHtoDAsync_v2", (void*, const void*, size_t, Handle), to, from, bytes, stream);
}

SHIM int hipMemcpyDtoHAsync(void* to, void* from, size_t bytes, Handle stream) {
  ON_DEVICE();
  return CU("cuMemcpyDtoHAsync_v2", (void*, void*, size_t, Handle), to, from, bytes, stream);
}

SHIM int hipMemcpyDtoDAsync(void* to, void* from, size_t bytes, Handle stream) {
  ON_DEVICE();
  return CU("cuMemcpyDtoDAsync_v2", (void*, void*, size_t, Handle), to, from, bytes, stream);
}

SHIM int hipMemsetD8Async(void* to, unsigned char value, size_t count, Handle stream) {
  ON_DEVICE();
  return CU("cuMemsetD8Async", (void*, unsigned char, size_t, Handle), to, value, count, stream);
}

SHIM int hipMemsetD32Async(void* to, int value, size_t count, Handle stream) {
  ON_DEVICE();
  return CU("cuMemsetD32Async", (void*, unsigned, size_t, Handle), to, (unsigned)value, count, stream);
}

// ---- Streams and events.

SHIM int hipStreamCreateWithFlags(Handle* stream, unsigned flags) {
  ON_DEVICE();
  return CU("cuStreamCreate", (Handle*, unsigned), stream, flags);
}

SHIM int hipStreamDestroy(Handle stream) {
  ON_DEVICE();
  return CU("cuStreamDestroy_v2", (Handle), stream);
}

SHIM int hipStreamSynchronize(Handle stream) {
  ON_DEVICE();
  return CU("cuStreamSynchronize", (Handle), stream);
}

SHIM int hipEventCreateWithFlags(Handle* event, unsigned flags) {
  ON_DEVICE();
  return CU("cuEventCreate", (Handle*, unsigned), event, flags);
}

SHIM int hipEventDestroy(Handle event) {
  ON_DEVICE();
  return CU("cuEventDestroy_v2", (Handle), event);
}

SHIM int hipEventRecord(Handle event, Handle stream) {
  ON_DEVICE();
  return CU("cuEventRecord", (Handle, Handle), event, stream);
}

SHIM int hipEventQuery(Handle event) {
  ON_DEVICE();
  return CU("cuEventQuery", (Handle), event);
}

SHIM int hipEventSynchronize(Handle event) {
  ON_DEVICE();
  return CU("cuEventSynchronize", (Handle), event);
}

// ---- Kernels.

SHIM int hipModuleLoadData(Handle* module, const void* image) {
  ON_DEVICE();
  return CU("cuModuleLoadData", (Handle*, const void*), module, image);
}

SHIM int hipModuleUnload(Handle module) {
  ON_DEVICE();
  return CU("cuModuleUnload", (Handle), module);
}

SHIM int hipModuleGetFunction(Handle* function, Handle module, const char* name) {
  ON_DEVICE();
  return CU("cuModuleGetFunction", (Handle*, Handle, const char*), function, module, name);
}

SHIM int hipModuleLaunchKernel(
    Handle function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX,
    unsigned blockY, unsigned blockZ, unsigned sharedBytes, Handle stream, void** arguments,
    void** extra) {
  ON_DEVICE();
  return CU("cuLaunchKernel",
            (Handle, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, Handle,
             void**, void**),
            function, gridX, gridY, gridZ, blockX, blockY, blockZ, sharedBytes, stream, arguments,
            extra);
}

// ---- Graphs.

SHIM int hipStreamBeginCapture(Handle stream, int mode) {
  ON_DEVICE();
  return CU("cuStreamBeginCapture_v2", (Handle, int), stream, mode);
}

SHIM int hipStreamEndCapture(Handle stream, Handle* graph) {
  ON_DEVICE();
  return CU("cuStreamEndCapture", (Handle, Handle*), stream, graph);
}

SHIM int hipGraphInstantiate(
    Handle* exec, Handle graph, Handle* errorNode, char* log, size_t logBytes) {
  (void)errorNode, (void)log, (void)logBytes;
  ON_DEVICE();
  return CU("cuGraphInstantiateWithFlags", (Handle*, Handle, unsigned long long), exec, graph, 0ull);
}

SHIM int hipGraphLaunch(Handle exec, Handle stream) {
  ON_DEVICE();
  return CU("cuGraphLaunch", (Handle, Handle), exec, stream);
}

SHIM int hipGraphExecDestroy(Handle exec) {
  ON_DEVICE();
  return CU("cuGraphExecDestroy", (Handle), exec);
}

SHIM int hipGraphDestroy(Handle graph) {
  ON_DEVICE();
  return CU("cuGraphDestroy", (Handle), graph);
}

// ---- The run-time compiler. Numbers of hiprtcResult are those of nvrtcResult.

SHIM int hiprtcCreateProgram(
    Handle* program, const char* source, const char* name, int numHeaders,
    const char** headers, const char** includeNames) {
  return NV("nvrtcCreateProgram",
            (Handle*, const char*, const char*, int, const char**, const char**), program, source,
            name, numHeaders, headers, includeNames);
}

// clang's options in nvcc's words; what NVRTC does anyway is left out.
SHIM int hiprtcCompileProgram(Handle program, int numOptions, const char** options) {
  enum { MOST = 16, ARCH_BYTES = 64 };
  char arch[ARCH_BYTES];
  const char* own[MOST];
  int n = 0;
  if (numOptions > MOST) return 5;
  for (int i = 0; i < numOptions; i++) {
    if (!strncmp(options[i], "--offload-arch=", 15)) {
      snprintf(arch, sizeof arch, "--gpu-architecture=%s", options[i] + 15);
      own[n++] = arch;
    } else if (!strcmp(options[i], "-ffp-contract=off")) {
      own[n++] = "--fmad=false";
    } else if (!strcmp(options[i], "-std=c++17")) {
      own[n++] = "--std=c++17";
    } else if (strcmp(options[i], "-O3")) {
      return 5;
    }
  }
  return NV("nvrtcCompileProgram", (Handle, int, const char**), program, n, own);
}

SHIM int hiprtcDestroyProgram(Handle* program) {
  return NV("nvrtcDestroyProgram", (Handle*), program);
}

SHIM int hiprtcGetCodeSize(Handle program, size_t* bytes) {
  return NV("nvrtcGetCUBINSize", (Handle, size_t*), program, bytes);
}

SHIM int hiprtcGetCode(Handle program, char* code) {
  return NV("nvrtcGetCUBIN", (Handle, char*), program, code);
}

SHIM int hiprtcGetProgramLogSize(Handle program, size_t* bytes) {
  return NV("nvrtcGetProgramLogSize", (Handle, size_t*), program, bytes);
}

SHIM int hiprtcGetProgramLog(Handle program, char* log) {
  return NV("nvrtcGetProgramLog", (Handle, char*), program, log);
}
