// hipBLASLt for tests: over cuBLASLt on an NVIDIA GPU, as libamdhip64.c is HIP over CUDA's driver.
//
//   cc -std=c11 -shared -fPIC -o libhipblaslt.so libhipblaslt.c -ldl -lpthread
//
// It shows that the backend's bindings and what it asks for are right, and nothing about an AMD GPU.
// cuBLASLt is opened when it is first needed, so it builds without CUDA; LAMINA_SHIM_CUBLASLT names
// another than the system's. After shim_plain() products are those of a kernel of its own, which
// HIP's run-time compiler compiles: so they run without a GPU too, in the order of the stream.
//
// The types and numbers are those of hipblaslt.h of ROCm 6 and 7, as far as the binding uses them.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHIM __attribute__((visibility("default")))

// hipblasStatus_t.
enum { SUCCESS, NOT_INITIALIZED, ALLOC_FAILED, INVALID_VALUE, MAPPING_ERROR, EXECUTION_FAILED, INTERNAL_ERROR, NOT_SUPPORTED, ARCH_MISMATCH };
// hipDataType, hipblasOperation_t, hipblasComputeType_t.
enum { R_32F = 0, R_16F = 2, R_16BF = 14, OP_N = 111, OP_T = 112, COMPUTE_32F = 2 };
// cublasOperation_t, cublasComputeType_t; attributes of cublasLt.h.
enum { CUDA_OP_T = 1, CUDA_COMPUTE_32F = 68, CUDA_TRANSA = 3, CUDA_WORKSPACE = 1, CUDA_REDUCTION = 3, CUDA_ALIGNMENT_A = 5, CUDA_ALIGNMENT_D = 8 };
enum { MOST_ALGORITHMS = 4096, VERSION = 1000, NO_ALGORITHM_ROWS = 1023 };

typedef void* Handle;

typedef struct {
  int type;
  uint64_t rows, columns;
  int64_t stride;
  Handle cuda;
} Layout;

typedef struct {
  int transA;
  Handle cuda;
} Description;

typedef struct {
  uint64_t workspaceBytes;
} Preference;

typedef struct {
  Handle cuda;      // a cublasLtHandle_t
  Handle module;    // of the kernel, where it is plain
  Handle function;
} Library;

typedef struct {
  uint8_t data[16];
  size_t maxWorkspaceBytes;
} Algorithm;

typedef struct {
  Algorithm algorithm;
  size_t workspaceBytes;
  int status;
  float waves;
  int reserved[4];
} Result;

typedef struct {
  uint64_t data[8];
} CudaAlgorithm;

typedef struct {
  CudaAlgorithm algorithm;
  size_t workspaceBytes;
  int status;
  float waves;
  int reserved[4];
} CudaResult;

static char hipName[4096];      // of a plain library
static char headerName[4096];   // where lamina.cuh is
static void* hip;
static void* cublas;
static CudaAlgorithm algorithms[MOST_ALGORITHMS];
static int numAlgorithms;
static int numLive, numProducts, nextStatus, nextOfProduct, version = VERSION;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

// ---- What tests call.

// Multiplies by a kernel: HIP's library that compiles and launches it, and lamina.cuh.
SHIM int shim_plain(const char* library, const char* header) {
  snprintf(hipName, sizeof hipName, "%s", library);
  snprintf(headerName, sizeof headerName, "%s", header);
  return 0;
}
// Things that were not freed; products so far; what the next call of any, or the next product, returns.
SHIM int shim_live(void) { return numLive; }
SHIM int shim_products(void) { return numProducts; }
SHIM int shim_status(int status) { return nextStatus = status; }
SHIM int shim_product_status(int status) { return nextOfProduct = status; }
SHIM int shim_version(int of) { return version = of; }
SHIM int shim_blaslt_reset(void) {
  numProducts = nextStatus = nextOfProduct = 0;
  version = VERSION;
  return 0;
}

// LAMINA_SHIM_TELL in the environment lets a process say at its end how many products there were.
__attribute__((destructor)) static void tell(void) {
  if (getenv("LAMINA_SHIM_TELL")) {
    fprintf(stderr, "shim of hipBLASLt: %d products by %s\n", numProducts, *hipName ? "a kernel" : "cuBLASLt");
  }
}

static int taken(void) {
  int status = nextStatus;
  nextStatus = 0;
  return status;
}

// ---- The libraries under it.

static void* open(void** library, const char* const* names) {
  for (; !*library && *names; names++) *library = dlopen(*names, RTLD_NOW | RTLD_LOCAL);
  return *library;
}

static void* symbol(const char* name) {
  const char* named = getenv("LAMINA_SHIM_CUBLASLT");
  const char* const chosen[] = {named, NULL};
  static const char* const known[] = {
      "libcublasLt.so.13", "libcublasLt.so.12", "/usr/local/cuda/lib64/libcublasLt.so", NULL};
  pthread_mutex_lock(&mutex);
  void* library = open(&cublas, named ? chosen : known);
  void* found = library ? dlsym(library, name) : NULL;
  pthread_mutex_unlock(&mutex);
  return found;
}

static int isPlain(void) { return *hipName != 0; }

// A cublasStatus_t as a hipblasStatus_t.
static int statusOf(int cuda) {
  switch (cuda) {
    case 0: return SUCCESS;
    case 3: return ALLOC_FAILED;
    case 7: return INVALID_VALUE;
    case 8: return ARCH_MISMATCH;
    case 11: return MAPPING_ERROR;
    case 13: return EXECUTION_FAILED;
    case 14: return INTERNAL_ERROR;
    case 15: return NOT_SUPPORTED;
    default: return NOT_INITIALIZED;
  }
}

// Calls a function of cuBLASLt, or one of HIP; both return an int.
#define LT(name, types, ...)                               \
  ({                                                       \
    int(*called) types;                                    \
    *(void**)&called = symbol(name);                       \
    called ? statusOf(called(__VA_ARGS__)) : NOT_INITIALIZED; \
  })
#define HIP(name, types, ...)                              \
  ({                                                       \
    int(*called) types;                                    \
    *(void**)&called = dlsym(hip, name);                   \
    called ? called(__VA_ARGS__) : 801;                    \
  })

static void* make(size_t bytes) {
  numLive++;
  return calloc(1, bytes);
}

static int drop(void* object) {
  if (!object) return INVALID_VALUE;
  free(object);
  numLive--;
  return SUCCESS;
}

// ---- Products by a kernel.

static const char SOURCE[] =
    "#include \"lamina.cuh\"\n"
    "struct ProductParams {\n"
    "  const void* w;\n  const void* x;\n  void* y;\n  i64 m;\n  i64 n;\n  i64 k;\n  i64 stride;\n"
    "  int operands;\n  int result;\n  int accumulate;\n  int unused;\n"
    "};\n"
    "KERNEL(product, ProductParams, 64) {\n"
    "  for (i64 i = globalThread(); i < p.m * p.n; i += globalThreads()) {\n"
    "    i64 m = i / p.n;\n    i64 n = i % p.n;\n    float sum = 0;\n"
    "    for (i64 k = 0; k < p.k; k++) {\n"
    "      sum = fmaf(loadFloat(p.x, m * p.k + k, p.operands), loadFloat(p.w, n * p.k + k, p.operands), sum);\n"
    "    }\n"
    "    i64 at = m * p.stride + n;\n"
    "    if (p.accumulate) sum += loadFloat(p.y, at, p.result);\n"
    "    storeFloat(p.y, at, p.result, sum);\n"
    "  }\n"
    "}\n";

typedef struct {
  const void *w, *x;
  void* y;
  int64_t m, n, k, stride;
  int operands, result, accumulate, unused;
} ProductParams;

// A text file, which the caller frees.
static char* text(const char* path) {
  FILE* file = fopen(path, "r");
  if (!file) return NULL;
  fseek(file, 0, SEEK_END);
  long bytes = ftell(file);
  rewind(file);
  char* read = calloc(1, (size_t)bytes + 1);
  size_t got = fread(read, 1, (size_t)bytes, file);
  fclose(file);
  return got == (size_t)bytes ? read : NULL;
}

static int loadPlain(Library* l) {
  const char* const names[] = {hipName, NULL};
  if (!open(&hip, names)) return NOT_INITIALIZED;
  char* header = text(headerName);
  if (!header) return NOT_INITIALIZED;
  const char *headers[] = {header}, *includes[] = {"lamina.cuh"};
  const char* options[] = {"--offload-arch=sm_90", "-std=c++17"};
  Handle program;
  size_t bytes;
  int failed = HIP("hiprtcCreateProgram",
                   (Handle*, const char*, const char*, int, const char**, const char**), &program,
                   SOURCE, "product.hip", 1, headers, includes);
  free(header);
  if (failed || HIP("hiprtcCompileProgram", (Handle, int, const char**), program, 2, options) ||
      HIP("hiprtcGetCodeSize", (Handle, size_t*), program, &bytes)) {
    return INTERNAL_ERROR;
  }
  char* code = malloc(bytes);
  failed = HIP("hiprtcGetCode", (Handle, char*), program, code) ||
           HIP("hipModuleLoadData", (Handle*, const void*), &l->module, code) ||
           HIP("hipModuleGetFunction", (Handle*, Handle, const char*), &l->function, l->module, "product");
  free(code);
  return HIP("hiprtcDestroyProgram", (Handle*), &program) || failed ? INTERNAL_ERROR : SUCCESS;
}

// dev.lamina.spi.ir.DType, by ordinal.
static int dtype(int type) { return type == R_32F ? 0 : type == R_16F ? 1 : 2; }

static int multiplyPlain(
    Library* l, const void* w, const Layout* lw, const void* x, const Layout* lx, float beta, void* y,
    const Layout* ly, Handle stream) {
  ProductParams params = {
      w, x, y, (int64_t)lx->columns, (int64_t)lw->columns, (int64_t)lw->rows, ly->stride,
      dtype(lw->type), dtype(ly->type), beta != 0, 0};
  if (lw->stride != params.k || lx->stride != params.k) return NOT_SUPPORTED;
  void* arguments[] = {&params};
  int failed = HIP("hipModuleLaunchKernel",
                   (Handle, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, Handle,
                    void**, void**),
                   l->function, 16u, 1u, 1u, 64u, 1u, 1u, 0u, stream, arguments, NULL);
  return failed ? EXECUTION_FAILED : SUCCESS;
}

// ---- hipBLASLt.

SHIM int hipblasLtCreate(Library** made) {
  int status = taken();
  if (status) return status;
  Library* l = make(sizeof *l);
  status = isPlain() ? loadPlain(l) : LT("cublasLtCreate", (Handle*), &l->cuda);
  if (status) return drop(l), status;
  *made = l;
  return SUCCESS;
}

SHIM int hipblasLtDestroy(Library* l) {
  int status = !l ? INVALID_VALUE
               : l->module ? (HIP("hipModuleUnload", (Handle), l->module) ? INTERNAL_ERROR : SUCCESS)
                           : LT("cublasLtDestroy", (Handle), l->cuda);
  return status ? status : drop(l);
}

SHIM int hipblasLtGetVersion(Library* l, int* of) {
  *of = version;
  return l ? SUCCESS : NOT_INITIALIZED;
}

SHIM int hipblasLtMatrixLayoutCreate(Layout** made, int type, uint64_t rows, uint64_t columns, int64_t stride) {
  if ((type != R_32F && type != R_16F && type != R_16BF) || stride < (int64_t)rows) return INVALID_VALUE;
  Layout of = {type, rows, columns, stride, NULL};
  // The numbers of types are CUDA's.
  int status = isPlain() ? SUCCESS
                         : LT("cublasLtMatrixLayoutCreate", (Handle*, int, uint64_t, uint64_t, int64_t),
                              &of.cuda, type, rows, columns, stride);
  if (!status) *(*made = make(sizeof of)) = of;
  return status;
}

SHIM int hipblasLtMatrixLayoutDestroy(Layout* l) {
  int status = !l ? INVALID_VALUE : l->cuda ? LT("cublasLtMatrixLayoutDestroy", (Handle), l->cuda) : SUCCESS;
  return status ? status : drop(l);
}

SHIM int hipblasLtMatmulDescCreate(Description** made, int computeType, int scaleType) {
  if (computeType != COMPUTE_32F || scaleType != R_32F) return INVALID_VALUE;
  Description of = {OP_N, NULL};
  int status = isPlain() ? SUCCESS
                         : LT("cublasLtMatmulDescCreate", (Handle*, int, int), &of.cuda, CUDA_COMPUTE_32F, R_32F);
  if (!status) *(*made = make(sizeof of)) = of;
  return status;
}

SHIM int hipblasLtMatmulDescSetAttribute(Description* d, int attribute, const void* value, size_t bytes) {
  if (!d || attribute != 0 || bytes != 4) return INVALID_VALUE;
  memcpy(&d->transA, value, 4);
  int transposed = CUDA_OP_T;
  if (d->transA != OP_T) return INVALID_VALUE;
  return isPlain() ? SUCCESS
                   : LT("cublasLtMatmulDescSetAttribute", (Handle, int, const void*, size_t), d->cuda,
                        CUDA_TRANSA, &transposed, 4);
}

SHIM int hipblasLtMatmulDescDestroy(Description* d) {
  int status = !d ? INVALID_VALUE : d->cuda ? LT("cublasLtMatmulDescDestroy", (Handle), d->cuda) : SUCCESS;
  return status ? status : drop(d);
}

SHIM int hipblasLtMatmulPreferenceCreate(Preference** made) {
  *made = make(sizeof(Preference));
  return SUCCESS;
}

SHIM int hipblasLtMatmulPreferenceDestroy(Preference* p) { return drop(p); }

SHIM int hipblasLtMatmulPreferenceSetAttribute(Preference* p, int attribute, const void* value, size_t bytes) {
  if (!p || attribute != 1 || bytes != 8) return INVALID_VALUE;
  memcpy(&p->workspaceBytes, value, 8);
  return SUCCESS;
}

static int prefer(Handle preference, int attribute, const void* value, size_t bytes) {
  return LT("cublasLtMatmulPreferenceSetAttribute", (Handle, int, const void*, size_t), preference, attribute,
            value, bytes);
}

// cuBLASLt's first choice; parts of k are added in one order, and all addresses are multiples of 16.
static int searchCuda(Library* l, Description* d, Layout* a, Layout* b, Layout* c, Preference* p, CudaResult* result, int* found) {
  Handle preference;
  int status = LT("cublasLtMatmulPreferenceCreate", (Handle*), &preference);
  if (status) return status;
  uint32_t inComputeType = 2, alignment = 16;
  status = prefer(preference, CUDA_WORKSPACE, &p->workspaceBytes, 8);
  if (!status) status = prefer(preference, CUDA_REDUCTION, &inComputeType, 4);
  for (int i = CUDA_ALIGNMENT_A; !status && i <= CUDA_ALIGNMENT_D; i++) status = prefer(preference, i, &alignment, 4);
  if (!status) {
    status = LT("cublasLtMatmulAlgoGetHeuristic",
                (Handle, Handle, Handle, Handle, Handle, Handle, Handle, int, CudaResult*, int*), l->cuda, d->cuda,
                a->cuda, b->cuda, c->cuda, c->cuda, preference, 1, result, found);
  }
  int destroyed = LT("cublasLtMatmulPreferenceDestroy", (Handle), preference);
  return status ? status : destroyed;
}

SHIM int hipblasLtMatmulAlgoGetHeuristic(
    Library* l, Description* d, Layout* a, Layout* b, Layout* c, Layout* out, Preference* p, int count,
    Result* results, int* found) {
  int status = taken();
  if (status) return status;
  if (!l || !d || !a || !b || !c || c != out || !p || count < 1) return INVALID_VALUE;
  if (d->transA != OP_T || a->rows != b->rows || c->rows != a->columns || c->columns != b->columns) return INVALID_VALUE;
  *found = 0;
  // The kernel takes any size; that there is no algorithm for one is tried with this.
  if (isPlain() && a->rows == NO_ALGORITHM_ROWS) return SUCCESS;
  CudaResult result = {0};
  int n = 1;
  status = isPlain() ? SUCCESS : searchCuda(l, d, a, b, c, p, &result, &n);
  if (status || !n) return status;
  pthread_mutex_lock(&mutex);
  uint32_t index = (uint32_t)(numAlgorithms < MOST_ALGORITHMS ? numAlgorithms++ : MOST_ALGORITHMS);
  if (index < MOST_ALGORITHMS) algorithms[index] = result.algorithm;
  pthread_mutex_unlock(&mutex);
  if (index == MOST_ALGORITHMS) return ALLOC_FAILED;
  *results = (Result){.workspaceBytes = result.workspaceBytes, .status = statusOf(result.status)};
  memcpy(results->algorithm.data, &index, sizeof index);
  results->algorithm.maxWorkspaceBytes = p->workspaceBytes;
  *found = 1;
  return SUCCESS;
}

SHIM int hipblasLtMatmul(
    Library* l, Description* d, const float* alpha, const void* a, Layout* la, const void* b, Layout* lb,
    const float* beta, const void* c, Layout* lc, void* out, Layout* lout, const Algorithm* algorithm,
    void* workspace, size_t workspaceBytes, Handle stream) {
  if (nextOfProduct) nextStatus = nextOfProduct;
  nextOfProduct = 0;
  int status = taken();
  if (status) return status;
  if (!l || !d || !algorithm || *alpha != 1 || c != out || lc != lout) return INVALID_VALUE;
  if (((uintptr_t)a | (uintptr_t)b | (uintptr_t)out) % 16) return INVALID_VALUE;
  if (workspaceBytes > algorithm->maxWorkspaceBytes || (workspaceBytes && !workspace)) return INVALID_VALUE;
  uint32_t index;
  memcpy(&index, algorithm->data, sizeof index);
  if (index >= (uint32_t)numAlgorithms) return INVALID_VALUE;
  numProducts++;
  if (isPlain()) return multiplyPlain(l, a, la, b, lb, *beta, out, lout, stream);
  return LT("cublasLtMatmul",
            (Handle, Handle, const void*, const void*, Handle, const void*, Handle, const void*, const void*, Handle,
             void*, Handle, const CudaAlgorithm*, void*, size_t, Handle),
            l->cuda, d->cuda, alpha, a, la->cuda, b, lb->cuda, beta, c, lc->cuda, out, lout->cuda,
            &algorithms[index], workspace, workspaceBytes, stream);
}
