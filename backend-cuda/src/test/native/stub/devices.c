// The driver, devices and contexts.

STUB CUresult cuInit(unsigned flags) {
  ENTER(false);
  CHECK(flags == 0, INVALID_VALUE);
  if (settings.initResult) return settings.initResult;
  initialized = true;
  return settings.numDevices ? SUCCESS : NO_DEVICE;
}

STUB CUresult cuDriverGetVersion(int* version) {
  ENTER(false);
  *version = settings.driverVersion;
  return SUCCESS;
}

static const struct {
  int code;
  const char *name, *text;
} TEXTS[] = {
    {1, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {2, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {3, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    {34, "CUDA_ERROR_STUB_LIBRARY", "CUDA driver is a stub library"},
    {100, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {101, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {200, "CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"},
    {201, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {209, "CUDA_ERROR_NO_BINARY_FOR_GPU", "no kernel image is available for execution on the device"},
    {214, "CUDA_ERROR_ECC_UNCORRECTABLE", "uncorrectable ECC error encountered"},
    {400, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    {500, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {700, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
    {712, "CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED", "part or all of the requested memory range is already mapped"},
    {713, "CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED", "pointer does not correspond to a registered memory region"},
    {719, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
    {803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH", "system has unsupported display driver / cuda driver combination"},
    {900, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "operation not permitted when stream is capturing"},
    {901, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED", "operation failed due to a previous error during capture"},
    {903, "CUDA_ERROR_STREAM_CAPTURE_UNMATCHED", "capture was not initiated in this stream"},
    {910, "CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE", "the graph update was not performed because it included changes which violated constraints specific to instantiated graph update"},
    {999, "CUDA_ERROR_UNKNOWN", "unknown error"},
};

STUB CUresult cuGetErrorName(CUresult error, const char** text) {
  LOCK();
  *text = NULL;
  for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) {
    if (TEXTS[i].code == (int)error) *text = TEXTS[i].name;
  }
  return *text ? SUCCESS : INVALID_VALUE;
}

// Of a kernel that failed on the host, what it said.
STUB CUresult cuGetErrorString(CUresult error, const char** text) {
  LOCK();
  *text = NULL;
  for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) {
    if (TEXTS[i].code == (int)error) *text = TEXTS[i].text;
  }
  if ((int)error == LAUNCH_FAILED && *message) *text = message;
  return *text ? SUCCESS : INVALID_VALUE;
}

static bool isDevice(int device) { return initialized && device >= 0 && device < settings.numDevices; }

STUB CUresult cuDeviceGetCount(int* number) {
  ENTER(false);
  CHECK(initialized, NOT_INITIALIZED);
  *number = settings.numDevices;
  return SUCCESS;
}

STUB CUresult cuDeviceGet(CUdevice* device, int ordinal) {
  ENTER(false);
  CHECK(isDevice(ordinal), INVALID_DEVICE);
  *device = ordinal;
  return SUCCESS;
}

STUB CUresult cuDeviceGetName(char* name, int length, CUdevice device) {
  ENTER(false);
  CHECK(isDevice(device) && length > 0, INVALID_VALUE);
  snprintf(name, length, "Stub GPU %d", device);
  return SUCCESS;
}

STUB CUresult cuDeviceGetUuid_v2(CUuuid* uuid, CUdevice device) {
  ENTER(false);
  CHECK(isDevice(device), INVALID_DEVICE);
  for (int i = 0; i < 16; i++) uuid->bytes[i] = (char)(0xf0 + i + device);
  return SUCCESS;
}

// Its older name, which other bindings call.
STUB CUresult cuDeviceGetUuid(CUuuid* uuid, CUdevice device) {
  return cuDeviceGetUuid_v2(uuid, device);
}

STUB CUresult cuDeviceTotalMem_v2(size_t* bytes, CUdevice device) {
  ENTER(false);
  CHECK(isDevice(device), INVALID_DEVICE);
  *bytes = settings.totalBytes;
  return SUCCESS;
}

STUB CUresult cuDeviceGetAttribute(int* value, CUdevice_attribute attribute, CUdevice device) {
  ENTER(false);
  CHECK(isDevice(device), INVALID_DEVICE);
  switch ((int)attribute) {
    case 1: *value = 1024; break;
    case 8: *value = SHARED_BYTES; break;
    case 10: *value = 32; break;
    case 13: *value = 1980000; break;
    case 16: *value = 132; break;
    case 18: *value = 0; break;
    case 36: *value = 2619000; break;
    case 37: *value = 5120; break;
    case 38: *value = 50 << 20; break;
    case 39: *value = 2048; break;
    // A second device is an old one.
    case 75: *value = device ? 7 : settings.major; break;
    case 76: *value = device ? 5 : settings.minor; break;
    case 81: *value = 228 << 10; break;
    case 82: *value = 65536; break;
    case 95: case 113: case 115: case 120: case 127: *value = 1; break;
    case 97: *value = OPTIN_BYTES; break;
    default: return INVALID_VALUE;
  }
  return SUCCESS;
}

STUB CUresult cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice device) {
  ENTER(false);
  CHECK(isDevice(device), INVALID_DEVICE);
  if (!primary) primary = add(CONTEXT, NULL);
  numRetained++;
  *context = (CUcontext)primary;
  return SUCCESS;
}

STUB CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device) {
  ENTER(false);
  CHECK(isDevice(device) && numRetained > 0, INVALID_CONTEXT);
  if (--numRetained == 0) {
    removeObject(primary);
    primary = current = NULL;
  }
  return SUCCESS;
}

STUB CUresult cuCtxSetCurrent(CUcontext context) {
  ENTER(false);
  CHECK(!context || find(context, CONTEXT), INVALID_CONTEXT);
  current = (Object*)context;
  return SUCCESS;
}

STUB CUresult cuCtxSynchronize(void) {
  ENTER(true);
  return breakCapture();
}
