// NVRTC's functions over the host's g++, for tests without a GPU: a program becomes a shared object for
// backend-cuda's stub of the driver, which runs its kernels on the host (emulate.h of that module).
//
//   cc -std=c11 -shared -fPIC -o libnvrtc.so libnvrtc.c
//
// What was compiled is kept by a hash of everything that goes into it.
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOST __attribute__((visibility("default")))

enum { SUCCESS = 0, CREATION_FAILURE = 2, COMPILATION = 6, PATH_BYTES = 4096, LOG_BYTES = 16384 };

typedef struct {
  char *name, *source, **headers, **names;
  int numHeaders;
  char image[PATH_BYTES];
  char log[LOG_BYTES];
} Program;

static char emulator[PATH_BYTES];
static char folder[PATH_BYTES];
static uint64_t salt;
static int numCompiled;

// Where emulate.h is, where shared objects are kept, and a hash of the emulator's own files.
HOST int host_compiler(const char* header, const char* kept, long hash) {
  snprintf(emulator, sizeof emulator, "%s", header);
  snprintf(folder, sizeof folder, "%s", kept);
  salt = (uint64_t)hash;
  return SUCCESS;
}

// How often g++ ran.
HOST int host_compiled(void) { return numCompiled; }

HOST int nvrtcCreateProgram(
    Program** program, const char* source, const char* name, int numHeaders,
    const char* const* headers, const char* const* names) {
  Program* p = calloc(1, sizeof *p);
  *p = (Program){.name = strdup(name), .source = strdup(source), .numHeaders = numHeaders};
  p->headers = calloc((size_t)numHeaders + 1, sizeof(char*));
  p->names = calloc((size_t)numHeaders + 1, sizeof(char*));
  for (int i = 0; i < numHeaders; i++) {
    p->headers[i] = strdup(headers[i]);
    p->names[i] = strdup(names[i]);
  }
  *program = p;
  return SUCCESS;
}

// FNV-1a, over texts with their ends.
static uint64_t hashed(uint64_t hash, const char* text) {
  for (size_t i = 0; i <= strlen(text); i++) hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3ull;
  return hash;
}

static int writeText(const char* in, const char* name, const char* text) {
  char path[2 * PATH_BYTES];
  snprintf(path, sizeof path, "%s/%s", in, name);
  FILE* file = fopen(path, "w");
  if (!file) return 0;
  int written = fputs(text, file) >= 0;
  return fclose(file) == 0 && written;
}

HOST int nvrtcCompileProgram(Program* p, int numOptions, const char* const* options) {
  uint64_t hash = hashed(hashed(0xcbf29ce484222325ull ^ salt, p->name), p->source);
  for (int i = 0; i < p->numHeaders; i++) hash = hashed(hashed(hash, p->names[i]), p->headers[i]);
  for (int i = 0; i < numOptions; i++) hash = hashed(hash, options[i]);
  char library[2 * PATH_BYTES];
  snprintf(library, sizeof library, "%s/%s-%016llx.so", folder, p->name, (unsigned long long)hash);
  if (snprintf(p->image, sizeof p->image, "stub:%s", library) >= PATH_BYTES) return CREATION_FAILURE;
  if (access(library, R_OK) == 0) return SUCCESS;

  numCompiled++;
  mkdir(folder, 0777);
  char work[2 * PATH_BYTES];
  snprintf(work, sizeof work, "%s/build-XXXXXX", folder);
  if (!mkdtemp(work)) return CREATION_FAILURE;
  int written = writeText(work, p->name, p->source);
  for (int i = 0; i < p->numHeaders; i++) written &= writeText(work, p->names[i], p->headers[i]);
  if (!written) return CREATION_FAILURE;
  char command[8 * PATH_BYTES];
  snprintf(command, sizeof command,
           "cd '%s' && g++ -std=c++17 -O1 -march=native -ffp-contract=off -fno-strict-aliasing"
           " -fno-gnu-unique -fno-weak -fvisibility=hidden -Wno-unknown-pragmas -shared -fPIC -I."
           " -include '%s' -x c++ '%s' -o whole 2>&1 && mv whole '%s'",
           work, emulator, p->name, library);
  FILE* output = popen(command, "r");
  if (!output) return CREATION_FAILURE;
  size_t length = fread(p->log, 1, sizeof p->log - 1, output);
  p->log[length] = 0;
  while (fgetc(output) != EOF) {
  }
  int status = pclose(output);
  char removal[4 * PATH_BYTES];
  snprintf(removal, sizeof removal, "rm -r '%s'", work);
  int removed = system(removal);
  return status ? COMPILATION : removed ? CREATION_FAILURE : SUCCESS;
}

HOST int nvrtcGetCUBINSize(Program* p, size_t* bytes) {
  *bytes = strlen(p->image) + 1;
  return SUCCESS;
}

HOST int nvrtcGetCUBIN(Program* p, char* image) {
  strcpy(image, p->image);
  return SUCCESS;
}

HOST int nvrtcGetProgramLogSize(Program* p, size_t* bytes) {
  *bytes = strlen(p->log) + 1;
  return SUCCESS;
}

HOST int nvrtcGetProgramLog(Program* p, char* log) {
  strcpy(log, p->log);
  return SUCCESS;
}

HOST int nvrtcDestroyProgram(Program** program) {
  Program* p = *program;
  for (int i = 0; i < p->numHeaders; i++) {
    free(p->headers[i]);
    free(p->names[i]);
  }
  free(p->headers);
  free(p->names);
  free(p->name);
  free(p->source);
  free(p);
  *program = NULL;
  return SUCCESS;
}
