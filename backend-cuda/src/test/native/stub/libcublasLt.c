// cuBLASLt for tests: computes on the host, in the stream of nobody, and counts what is not freed.
// The types and numbers are those of cublasLt.h; only what the binding uses is there.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define STUB __attribute__((visibility("default")))

enum { SUCCESS = 0, NOT_INITIALIZED = 1, INVALID_VALUE = 7, EXECUTION_FAILED = 13, NOT_SUPPORTED = 15 };
enum { R_32F = 0, R_16F = 2, R_16BF = 14, COMPUTE_32F = 68 };

typedef struct {
  int type;
  uint64_t rows, columns;
  int64_t stride;
} Layout;

typedef struct {
  int computeType, scaleType, transA;
} Description;

typedef struct {
  uint64_t workspaceBytes;
  uint32_t reductionSchemes;
  uint32_t alignment[4];
} Preference;

typedef struct {
  uint64_t data[8];
} Algorithm;

typedef struct {
  Algorithm algorithm;
  size_t workspaceBytes;
  int status;
  float waves;
  int reserved[4];
} Result;

static int numLive, nextStatus, lastAlgorithm;

// What tests call: things not freed, the next product's status, the algorithm of the last one,
// which is then forgotten.
STUB int stub_live(void) { return numLive; }
STUB int stub_status(int status) { return nextStatus = status; }
STUB int stub_algorithm(void) {
  int last = lastAlgorithm;
  lastAlgorithm = 0;
  return last;
}

static int make(void** made, size_t bytes) {
  *made = calloc(1, bytes);
  numLive++;
  return SUCCESS;
}

static int drop(void* object) {
  if (!object) return INVALID_VALUE;
  free(object);
  numLive--;
  return SUCCESS;
}

STUB int cublasLtCreate(void** handle) {
  int status = nextStatus;
  nextStatus = 0;
  return status ? status : make(handle, 8);
}
STUB int cublasLtDestroy(void* handle) { return drop(handle); }
STUB int cublasLtMatrixLayoutDestroy(void* layout) { return drop(layout); }
STUB int cublasLtMatmulDescDestroy(void* description) { return drop(description); }
STUB int cublasLtMatmulPreferenceCreate(void** preference) { return make(preference, sizeof(Preference)); }
STUB int cublasLtMatmulPreferenceDestroy(void* preference) { return drop(preference); }

STUB int cublasLtMatrixLayoutCreate(void** made, int type, uint64_t rows, uint64_t columns, int64_t stride) {
  if ((type != R_32F && type != R_16F && type != R_16BF) || stride < (int64_t)rows) return INVALID_VALUE;
  make(made, sizeof(Layout));
  *(Layout*)*made = (Layout){type, rows, columns, stride};
  return SUCCESS;
}

STUB int cublasLtMatmulDescCreate(void** made, int computeType, int scaleType) {
  if (computeType != COMPUTE_32F || scaleType != R_32F) return INVALID_VALUE;
  make(made, sizeof(Description));
  *(Description*)*made = (Description){computeType, scaleType, 0};
  return SUCCESS;
}

STUB int cublasLtMatmulDescSetAttribute(Description* d, int attribute, const void* value, size_t bytes) {
  if (attribute != 3 || bytes != 4) return INVALID_VALUE;
  memcpy(&d->transA, value, 4);
  return SUCCESS;
}

STUB int cublasLtMatmulPreferenceSetAttribute(Preference* p, int attribute, const void* value, size_t bytes) {
  if (bytes != (attribute == 1 ? 8 : 4)) return INVALID_VALUE;
  if (attribute == 1) {
    memcpy(&p->workspaceBytes, value, 8);
  } else if (attribute == 3) {
    memcpy(&p->reductionSchemes, value, 4);
  } else if (attribute >= 5 && attribute <= 8) {
    memcpy(&p->alignment[attribute - 5], value, 4);
  } else {
    return INVALID_VALUE;
  }
  return SUCCESS;
}

// Algorithm i needs i KiB; the second does not work.
STUB int cublasLtMatmulAlgoGetHeuristic(
    void* handle, Description* d, Layout* a, Layout* b, Layout* c, Layout* out, Preference* p,
    int count, Result* results, int* found) {
  if (!handle || !d || !a || !b || !c || c != out) return INVALID_VALUE;
  *found = 0;
  // Sums of parts of k in place may differ from run to run; the binding promises 16 bytes.
  if (p->reductionSchemes != 2) return INVALID_VALUE;
  for (int i = 0; i < 4; i++) {
    if (p->alignment[i] != 16) return INVALID_VALUE;
  }
  if (d->transA != 1 || a->rows != b->rows || c->rows != a->columns || c->columns != b->columns) {
    return NOT_SUPPORTED;
  }
  for (int i = 0; i < count && i < 4 && (uint64_t)i << 10 <= p->workspaceBytes; i++) {
    // Sizes that are not a multiple of 8 have no algorithm here.
    if (a->rows % 8) break;
    results[(*found)++] = (Result){
        .algorithm = {{(uint64_t)i + 100}},
        .workspaceBytes = (size_t)i << 10,
        .status = i == 1 ? NOT_SUPPORTED : SUCCESS};
  }
  return SUCCESS;
}

static float read(const void* p, int type, int64_t i) {
  if (type == R_32F) return ((const float*)p)[i];
  uint16_t half = ((const uint16_t*)p)[i];
  if (type == R_16F) {
    // Normal numbers and zero are all that the tests hold.
    uint32_t bits = half & 0x7fff ? ((half & 0x8000u) << 16) | (((half & 0x7fffu) << 13) + (112u << 23)) : 0;
    float value;
    memcpy(&value, &bits, 4);
    return value;
  }
  uint32_t bits = (uint32_t)half << 16;
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

static void write(void* p, int type, int64_t i, float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  if (type == R_32F) ((float*)p)[i] = value;
  if (type == R_16F) ((uint16_t*)p)[i] = (uint16_t)(bits ? ((bits >> 16) & 0x8000) | ((bits - (112u << 23)) >> 13 & 0x7fff) : 0);
  if (type == R_16BF) ((uint16_t*)p)[i] = (uint16_t)(bits >> 16);
}

STUB int cublasLtMatmul(
    void* handle, Description* d, const float* alpha, const void* a, Layout* la, const void* b, Layout* lb,
    const float* beta, const void* c, Layout* lc, void* out, Layout* lout, const Algorithm* algorithm,
    void* workspace, size_t workspaceBytes, void* stream) {
  (void)stream;
  if (nextStatus) {
    int status = nextStatus;
    nextStatus = 0;
    return status;
  }
  if (!handle || d->transA != 1 || lc != lout || (*beta == 0 && c != out) || algorithm->data[0] < 100) return INVALID_VALUE;
  if (workspaceBytes != (algorithm->data[0] - 100) << 10) return INVALID_VALUE;
  if (workspaceBytes && !workspace) return INVALID_VALUE;
  if (((uintptr_t)a | (uintptr_t)b | (uintptr_t)out) % 16) return INVALID_VALUE;
  lastAlgorithm = (int)algorithm->data[0];
  for (uint64_t j = 0; j < lout->columns; j++) {
    for (uint64_t i = 0; i < lout->rows; i++) {
      float sum = 0;
      for (uint64_t k = 0; k < la->rows; k++) {
        sum += read(a, la->type, (int64_t)i * la->stride + (int64_t)k) *
               read(b, lb->type, (int64_t)j * lb->stride + (int64_t)k);
      }
      int64_t at = (int64_t)i + (int64_t)j * lout->stride;
      float before = *beta == 0 ? 0 : *beta * read(c, lc->type, at);
      write(out, lout->type, at, *alpha * sum + before);
    }
  }
  return SUCCESS;
}
