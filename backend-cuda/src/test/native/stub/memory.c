// Memory: allocations, pinned and registered host memory, copies and fills.

enum { READ_ONLY = 8, DEVICE_MAP = 2, JUNK = 0xff };

STUB CUresult cuMemGetInfo_v2(size_t* unused, size_t* total) {
  ENTER(true);
  *unused = settings.totalBytes - usedBytes();
  *total = settings.totalBytes;
  return SUCCESS;
}

static Object* allocate(Kind kind, size_t bytes, size_t alignment) {
  char* address = aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (!address) return NULL;
  // Not a number in any float format.
  memset(address, JUNK, bytes);
  Object* memory = add(kind, current);
  memory->address = address;
  memory->size = bytes;
  return memory;
}

STUB CUresult cuMemAlloc_v2(CUdeviceptr* address, size_t bytes) {
  ENTER(true);
  CHECK(bytes > 0, INVALID_VALUE);
  if (breakCapture()) return CAPTURE_UNSUPPORTED;
  CHECK(bytes <= settings.totalBytes - usedBytes(), OUT_OF_MEMORY);
  Object* memory = allocate(DEVICE_MEMORY, bytes, 256);
  CHECK(memory, OUT_OF_MEMORY);
  *address = (CUdeviceptr)(uintptr_t)memory->address;
  return SUCCESS;
}

static Object* startingAt(const void* address, Kind kind) {
  for (Object* o = objects; o; o = o->next) {
    if (o->kind == kind && o->address == address) return o;
  }
  return NULL;
}

STUB CUresult cuMemFree_v2(CUdeviceptr address) {
  ENTER(true);
  if (breakCapture()) return CAPTURE_UNSUPPORTED;
  Object* memory = startingAt((void*)(uintptr_t)address, DEVICE_MEMORY);
  CHECK(memory, INVALID_VALUE);
  removeObject(memory);
  return SUCCESS;
}

STUB CUresult cuMemHostAlloc(void** address, size_t bytes, unsigned flags) {
  ENTER(true);
  CHECK(bytes > 0 && flags <= 7, INVALID_VALUE);
  Object* memory = allocate(PINNED, bytes, 4096);
  CHECK(memory, OUT_OF_MEMORY);
  memory->flags = flags;
  *address = memory->address;
  return SUCCESS;
}

STUB CUresult cuMemFreeHost(void* address) {
  ENTER(true);
  Object* memory = startingAt(address, PINNED);
  CHECK(memory, INVALID_VALUE);
  removeObject(memory);
  return SUCCESS;
}

STUB CUresult cuMemHostRegister_v2(void* address, size_t bytes, unsigned flags) {
  ENTER(true);
  CHECK(bytes > 0 && flags <= 15, INVALID_VALUE);
  CHECK(!startingAt(address, REGISTERED) && !startingAt(address, PINNED), ALREADY_REGISTERED);
  Object* memory = add(REGISTERED, current);
  memory->address = address;
  memory->size = bytes;
  memory->flags = flags;
  return SUCCESS;
}

STUB CUresult cuMemHostUnregister(void* address) {
  ENTER(true);
  Object* memory = startingAt(address, REGISTERED);
  CHECK(memory, NOT_REGISTERED);
  removeObject(memory);
  return SUCCESS;
}

STUB CUresult cuMemHostGetDevicePointer_v2(CUdeviceptr* device, void* host, unsigned flags) {
  ENTER(true);
  Object* memory = holder(host, 1, PINNED);
  if (!memory) memory = holder(host, 1, REGISTERED);
  CHECK(memory && flags == 0 && (memory->flags & DEVICE_MAP), INVALID_VALUE);
  *device = (CUdeviceptr)(uintptr_t)host;
  return SUCCESS;
}

static char* device(CUdeviceptr address, size_t bytes) {
  char* p = (char*)(uintptr_t)address;
  bool known = holder(p, bytes, DEVICE_MEMORY) || holder(p, bytes, PINNED) ||
               holder(p, bytes, REGISTERED);
  return known ? p : NULL;
}

static int copy(CUstream stream, char* to, const char* from, size_t bytes) {
  // Nothing may lie anywhere.
  if (!bytes) return isStream(stream) ? SUCCESS : INVALID_HANDLE;
  CHECK(to && from, INVALID_VALUE);
  return submit(
      stream, (Node){.kind = COPY, .to = to, .from = (char*)from, .size = bytes});
}

STUB CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void* from, size_t bytes, CUstream stream) {
  ENTER(true);
  return copy(stream, device(to, bytes), from, bytes);
}

STUB CUresult cuMemcpyDtoHAsync_v2(void* to, CUdeviceptr from, size_t bytes, CUstream stream) {
  ENTER(true);
  return copy(stream, to, device(from, bytes), bytes);
}

STUB CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream) {
  ENTER(true);
  bool apart = to + bytes <= from || from + bytes <= to;
  CHECK(apart, INVALID_VALUE);
  return copy(stream, device(to, bytes), device(from, bytes), bytes);
}

STUB CUresult cuMemcpyDtoH_v2(void* to, CUdeviceptr from, size_t bytes) {
  ENTER(true);
  if (breakCapture()) return CAPTURE_UNSUPPORTED;
  return copy(NULL, to, device(from, bytes), bytes);
}

static int fill(CUdeviceptr to, const void* pattern, int width, size_t number, CUstream stream) {
  Node node = {.kind = FILL, .to = device(to, number * width), .size = number, .width = width};
  CHECK(node.to && to % width == 0, INVALID_VALUE);
  memcpy(node.pattern, pattern, width);
  return submit(stream, node);
}

STUB CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t number, CUstream stream) {
  ENTER(true);
  return fill(to, &value, 1, number, stream);
}

STUB CUresult cuMemsetD16Async(CUdeviceptr to, unsigned short value, size_t number, CUstream stream) {
  ENTER(true);
  return fill(to, &value, 2, number, stream);
}

STUB CUresult cuMemsetD32Async(CUdeviceptr to, unsigned value, size_t number, CUstream stream) {
  ENTER(true);
  return fill(to, &value, 4, number, stream);
}
