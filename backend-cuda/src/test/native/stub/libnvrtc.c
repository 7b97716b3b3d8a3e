// NVIDIA's run-time compiler for tests: takes sources and makes images that the stub of the driver
// loads. An image ends in the architecture and the number of headers, so that a test can see them.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if !defined(OWN_TYPES) && __has_include(<nvrtc.h>)
#include <nvrtc.h>
#else
typedef int nvrtcResult;
typedef struct _nvrtcProgram* nvrtcProgram;
#endif

#define STUB __attribute__((visibility("default")))

enum { SUCCESS = 0, INVALID_INPUT = 3, INVALID_PROGRAM = 4, INVALID_OPTION = 5, COMPILATION = 6, BUILTIN_OPERATION_FAILURE = 7 };

struct _nvrtcProgram {
  char *source, *name, *log;
  int numHeaders;
  char cubin[256];
  size_t cubinBytes;
};

static int numCompiled, numLive;

STUB int stub_compiled(void) { return numCompiled; }
STUB int stub_live_programs(void) { return numLive; }

STUB nvrtcResult nvrtcVersion(int* major, int* minor) {
  *major = 13;
  *minor = 7;
  return SUCCESS;
}

STUB nvrtcResult nvrtcCreateProgram(
    nvrtcProgram* program, const char* source, const char* name, int numHeaders,
    const char* const* headers, const char* const* includeNames) {
  if (!source || !name || numHeaders < 0) return INVALID_INPUT;
  struct _nvrtcProgram* p = calloc(1, sizeof *p);
  p->source = strdup(source);
  p->name = strdup(name);
  p->log = strdup("");
  for (int i = 0; i < numHeaders; i++) {
    // Headers of the tests end in their own names.
    size_t text = strlen(headers[i]), own = strlen(includeNames[i]);
    if (text >= own && !strcmp(headers[i] + text - own, includeNames[i])) p->numHeaders++;
  }
  numLive++;
  *program = p;
  return SUCCESS;
}

STUB nvrtcResult nvrtcCompileProgram(nvrtcProgram p, int numOptions, const char* const* options) {
  if (!p) return INVALID_PROGRAM;
  numCompiled++;
  const char* arch = NULL;
  for (int i = 0; i < numOptions; i++) {
    if (!strncmp(options[i], "--gpu-architecture=", 19)) arch = options[i] + 19;
  }
  free(p->log);
  // Like NVIDIA's, it needs another library that the loader must know by its soname.
  void* builtins = dlopen("libnvrtc-builtins.so.13.7", RTLD_NOW | RTLD_NOLOAD);
  if (!builtins) {
    p->log = strdup("nvrtc: error: failed to open libnvrtc-builtins.so.13.7.\n");
    return BUILTIN_OPERATION_FAILURE;
  }
  dlclose(builtins);
  if (!arch || strncmp(arch, "sm_", 3)) {
    p->log = strdup("nvrtc: error: invalid value for --gpu-architecture (-arch)\n");
    return INVALID_OPTION;
  }
  if (strstr(p->source, "mistake")) {
    if (asprintf(&p->log, "%s(1): warning: unused\n%s(2): error: identifier \"mistake\" is undefined\n1 error detected\n", p->name, p->name) < 0) abort();
    return COMPILATION;
  }
  p->log = strdup("");
  // The image of the built-in kernels, and behind its end what a test reads.
  memcpy(p->cubin, "stub:", 6);
  p->cubinBytes = 6 + snprintf(p->cubin + 6, 240, "%s %s %d", p->name, arch, p->numHeaders);
  return SUCCESS;
}

STUB nvrtcResult nvrtcGetCUBINSize(nvrtcProgram p, size_t* size) {
  *size = p->cubinBytes;
  return SUCCESS;
}

STUB nvrtcResult nvrtcGetCUBIN(nvrtcProgram p, char* cubin) {
  memcpy(cubin, p->cubin, p->cubinBytes);
  return SUCCESS;
}

STUB nvrtcResult nvrtcGetProgramLogSize(nvrtcProgram p, size_t* size) {
  *size = strlen(p->log) + 1;
  return SUCCESS;
}

STUB nvrtcResult nvrtcGetProgramLog(nvrtcProgram p, char* log) {
  strcpy(log, p->log);
  return SUCCESS;
}

STUB nvrtcResult nvrtcDestroyProgram(nvrtcProgram* program) {
  if (!program || !*program) return INVALID_PROGRAM;
  free((*program)->source);
  free((*program)->name);
  free((*program)->log);
  free(*program);
  *program = NULL;
  numLive--;
  return SUCCESS;
}
