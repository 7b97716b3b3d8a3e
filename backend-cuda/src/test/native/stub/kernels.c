// Modules, kernels and launches.

// Of a kernel compiled for the host, exported beside it as NAME_info.
typedef struct {
  unsigned paramBytes, maxThreads;
} EmulatedInfo;

STUB CUresult cuModuleLoadData(CUmodule* module, const void* image) {
  ENTER(true);
  if (breakCapture()) return CAPTURE_UNSUPPORTED;
  const char* text = image;
  CHECK(strncmp(text, "stub-other-gpu", 14), NO_BINARY_FOR_GPU);
  CHECK(!strncmp(text, "stub:", 5), INVALID_IMAGE);
  void* library = NULL;
  if (text[5]) {
    library = dlopen(text + 5, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
      fprintf(stderr, "stub: %s\n", dlerror());
      return INVALID_IMAGE;
    }
  }
  Object* o = add(MODULE, current);
  o->library = library;
  *module = (CUmodule)o;
  return SUCCESS;
}

STUB CUresult cuModuleUnload(CUmodule module) {
  ENTER(true);
  CHECK(find(module, MODULE), INVALID_HANDLE);
  Object* next;
  for (Object* o = objects; o; o = next) {
    next = o->next;
    if (o->kind == FUNCTION && o->parent == (Object*)module) removeObject(o);
  }
  removeObject((Object*)module);
  return SUCCESS;
}

STUB CUresult cuModuleGetFunction(CUfunction* function, CUmodule module, const char* name) {
  ENTER(true);
  Object* m = find(module, MODULE);
  CHECK(m, INVALID_HANDLE);
  Object found = {.maxThreads = 1024};
  if (m->library) {
    char info[160];
    snprintf(info, sizeof info, "%s_info", name);
    const EmulatedInfo* known = dlsym(m->library, info);
    *(void**)&found.emulated = dlsym(m->library, name);
    CHECK(known && found.emulated, NOT_FOUND);
    found.paramBytes = known->paramBytes;
    found.maxThreads = (int)known->maxThreads;
  } else {
    for (const Builtin* b = BUILTINS; b->name; b++) {
      if (!strcmp(b->name, name)) found.builtin = b;
    }
    CHECK(found.builtin, NOT_FOUND);
  }
  Object* f = add(FUNCTION, m);
  f->builtin = found.builtin;
  f->emulated = found.emulated;
  f->paramBytes = found.paramBytes;
  f->maxThreads = found.maxThreads;
  f->dynamicShared = SHARED_BYTES;
  snprintf(f->name, sizeof f->name, "%s", name);
  *function = (CUfunction)f;
  return SUCCESS;
}

STUB CUresult cuFuncGetAttribute(int* value, CUfunction_attribute attribute, CUfunction function) {
  ENTER(true);
  Object* f = find(function, FUNCTION);
  CHECK(f, INVALID_HANDLE);
  switch ((int)attribute) {
    case 0: *value = f->maxThreads; break;
    case 1: *value = 16; break;
    case 3: *value = 0; break;
    case 4: *value = 40; break;
    case 5: *value = settings.compiledFor; break;
    case 8: *value = f->dynamicShared; break;
    default: return INVALID_VALUE;
  }
  return SUCCESS;
}

STUB CUresult cuFuncSetAttribute(CUfunction function, CUfunction_attribute attribute, int value) {
  ENTER(true);
  Object* f = find(function, FUNCTION);
  CHECK(f, INVALID_HANDLE);
  switch ((int)attribute) {
    case 8:
      CHECK(value >= 0 && value <= OPTIN_BYTES, INVALID_VALUE);
      f->dynamicShared = value;
      return SUCCESS;
    case 9:
      CHECK(value >= -1 && value <= 100, INVALID_VALUE);
      return SUCCESS;
    case 14:
      CHECK(value == 0 || value == 1, INVALID_VALUE);
      return SUCCESS;
    default:
      return INVALID_VALUE;
  }
}

STUB CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(
    int* number, CUfunction function, int blockSize, size_t sharedBytes) {
  ENTER(true);
  CHECK(find(function, FUNCTION), INVALID_HANDLE);
  CHECK(blockSize > 0, INVALID_VALUE);
  *number = blockSize > 1024 ? 0 : 2048 / blockSize;
  if (sharedBytes && *number > (int)((228u << 10) / sharedBytes)) {
    *number = (int)((228u << 10) / sharedBytes);
  }
  return SUCCESS;
}

// Copies the arguments, as the driver does before it returns.
static int readArgs(Launch* launch, void** params) {
  Object* f = find(launch->function, FUNCTION);
  CHECK(f, INVALID_HANDLE);
  CHECK(params, INVALID_VALUE);
  launch->numArgs = f->builtin ? f->builtin->numArgs : 1;
  size_t end = 0;
  for (int i = 0; i < launch->numArgs; i++) {
    size_t size = f->builtin ? f->builtin->sizes[i] : f->paramBytes;
    end = (end + 63) & ~(size_t)63;
    CHECK(params[i] && end + size <= MAX_ARG_BYTES, INVALID_VALUE);
    launch->offsets[i] = end;
    memcpy(launch->bytes + end, params[i], size);
    end += size;
  }
  long threads = (long)launch->block[0] * launch->block[1] * launch->block[2];
  CHECK(threads > 0 && threads <= f->maxThreads, INVALID_VALUE);
  CHECK(launch->grid[0] && launch->grid[1] && launch->grid[2], INVALID_VALUE);
  CHECK(launch->grid[1] <= 65535 && launch->grid[2] <= 65535, INVALID_VALUE);
  CHECK(launch->sharedBytes <= (unsigned)f->dynamicShared, INVALID_VALUE);
  return SUCCESS;
}

STUB CUresult cuLaunchKernelEx(
    const CUlaunchConfig* config, CUfunction function, void** params, void** extra) {
  ENTER(true);
  CHECK(config && !extra, INVALID_VALUE);
  Launch* launch = calloc(1, sizeof *launch);
  *launch = (Launch){
      .function = function,
      .grid = {config->gridDimX, config->gridDimY, config->gridDimZ},
      .block = {config->blockDimX, config->blockDimY, config->blockDimZ},
      .sharedBytes = config->sharedMemBytes,
  };
  int result = readArgs(launch, params);
  for (unsigned i = 0; i < config->numAttrs && !result; i++) {
    const CUlaunchAttributeValue* value = &config->attrs[i].value;
    switch ((int)config->attrs[i].id) {
      case 4:
        memcpy(launch->cluster, &value->clusterDim, sizeof launch->cluster);
        for (int d = 0; d < 3 && !result; d++) {
          bool divides = launch->cluster[d] && launch->grid[d] % launch->cluster[d] == 0;
          result = divides ? SUCCESS : 912;
        }
        break;
      case 6:
        launch->pdl = value->programmaticStreamSerializationAllowed;
        break;
      default:
        result = INVALID_VALUE;
    }
  }
  if (result) {
    free(launch);
    return result;
  }
  return submit(config->hStream, (Node){.kind = KERNEL, .launch = launch});
}

// What bindings without launch attributes call.
STUB CUresult cuLaunchKernel(
    CUfunction function, unsigned gridDimX, unsigned gridDimY, unsigned gridDimZ,
    unsigned blockDimX, unsigned blockDimY, unsigned blockDimZ, unsigned sharedMemBytes,
    CUstream stream, void** params, void** extra) {
  ENTER(true);
  CHECK(!extra, INVALID_VALUE);
  Launch* launch = calloc(1, sizeof *launch);
  *launch = (Launch){
      .function = function,
      .grid = {gridDimX, gridDimY, gridDimZ},
      .block = {blockDimX, blockDimY, blockDimZ},
      .sharedBytes = sharedMemBytes,
  };
  int result = readArgs(launch, params);
  if (result) {
    free(launch);
    return result;
  }
  return submit(stream, (Node){.kind = KERNEL, .launch = launch});
}

// Keeps what it was given, one after the other, where a test can read it.
STUB CUresult cuTensorMapEncodeTiled(
    CUtensorMap* map, CUtensorMapDataType type, cuuint32_t rank, void* address,
    const cuuint64_t* sizes, const cuuint64_t* strides, const cuuint32_t* box,
    const cuuint32_t* elementStrides, CUtensorMapInterleave interleave, CUtensorMapSwizzle swizzle,
    CUtensorMapL2promotion promotion, CUtensorMapFloatOOBfill fill) {
  ENTER(true);
  CHECK((uintptr_t)map % 64 == 0 && (uintptr_t)address % 16 == 0, INVALID_VALUE);
  CHECK(rank >= 1 && rank <= 5, INVALID_VALUE);
  cuuint64_t words[16] = {type, rank, (uintptr_t)address, interleave, swizzle, promotion, fill};
  for (cuuint32_t d = 0; d < rank; d++) {
    CHECK(elementStrides[d] == 1 && box[d] >= 1 && box[d] <= 256, INVALID_VALUE);
    if (d < 3) words[7 + d] = sizes[d];
    if (d < 3) words[10 + d] = box[d];
    if (d < 3 && d + 1 < rank) words[13 + d] = strides[d];
  }
  memcpy(map, words, sizeof words);
  return SUCCESS;
}

// y[i] = a x[i] + b for i < n, to show that each argument arrives.
static int scale(char* const* args) {
  float* y = *(float**)args[0];
  const float* x = *(const float**)args[1];
  int n = *(int*)args[2];
  float a = *(float*)args[3];
  for (int i = 0; i < n; i++) y[i] = a * x[i] + *(float*)args[4];
  return SUCCESS;
}

static int crash(char* const* args) {
  (void)args;
  return LAUNCH_FAILED;
}

static int nothing(char* const* args) {
  (void)args;
  return SUCCESS;
}

static const Builtin BUILTINS[] = {
    {"scale", 5, {8, 8, 4, 4, 4}, scale},
    {"crash", 0, {0}, crash},
    {"nothing", 0, {0}, nothing},
    {0},
};
