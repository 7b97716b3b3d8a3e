// What the stub knows: objects, what tests set, and what every call begins with.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if !defined(OWN_TYPES) && __has_include(<cuda.h>)
#include <cuda.h>
#undef cuEventElapsedTime
#else
#include "types.h"
#endif

#define STUB __attribute__((visibility("default")))

enum {
  SUCCESS = 0,
  INVALID_VALUE = 1,
  OUT_OF_MEMORY = 2,
  NOT_INITIALIZED = 3,
  NO_DEVICE = 100,
  INVALID_DEVICE = 101,
  INVALID_IMAGE = 200,
  INVALID_CONTEXT = 201,
  NO_BINARY_FOR_GPU = 209,
  ALREADY_REGISTERED = 712,
  NOT_REGISTERED = 713,
  INVALID_HANDLE = 400,
  NOT_FOUND = 500,
  NOT_READY = 600,
  LAUNCH_FAILED = 719,
  CAPTURE_UNSUPPORTED = 900,
  CAPTURE_INVALIDATED = 901,
  CAPTURE_UNMATCHED = 903,
  UPDATE_FAILURE = 910,
};

enum { MAX_ARGS = 8, MAX_ARG_BYTES = 4096, SHARED_BYTES = 48 << 10, OPTIN_BYTES = 227 << 10 };

typedef struct {
  unsigned x, y, z;
} Dim3;

// What a kernel was given, kept where a capture replays it.
typedef struct {
  CUfunction function;
  unsigned grid[3], block[3], sharedBytes;
  int pdl;
  unsigned cluster[3];
  int numArgs;
  size_t offsets[MAX_ARGS];
  _Alignas(64) char bytes[MAX_ARG_BYTES];
} Launch;

typedef enum { KERNEL, COPY, FILL, MARK } NodeKind;

typedef struct CUgraphNode_st {
  NodeKind kind;
  Launch* launch;
  char *to, *from;
  size_t size;
  char pattern[4];
  int width;
  CUevent event;
} Node;

typedef enum { CONTEXT, STREAM, EVENT, MODULE, FUNCTION, GRAPH, EXEC, DEVICE_MEMORY, PINNED, REGISTERED, NUM_KINDS } Kind;

// Anything that a handle or an address stands for; all of them hang in one list.
typedef struct Object {
  Kind kind;
  struct Object *next, *parent;
  // Memory.
  char* address;
  size_t size;
  unsigned flags;
  // Streams: the graph that is captured. Events: that of the stream they were recorded in.
  struct Object* capture;
  bool origin;
  // Events.
  bool recorded;
  struct timespec time;
  // Modules and functions.
  void* library;
  char name[128];
  const char* (*emulated)(const void* params, Dim3 grid, Dim3 block, unsigned sharedBytes);
  size_t paramBytes;
  int maxThreads, dynamicShared;
  const struct Builtin* builtin;
  // Graphs and executable graphs; in these, origins are the nodes that they were made of.
  Node** nodes;
  Node** origins;
  int numNodes;
  bool invalid;
  pthread_t thread;
} Object;

typedef struct Builtin {
  const char* name;
  int numArgs;
  size_t sizes[MAX_ARGS];
  int (*run)(char* const* args);
} Builtin;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static Object* objects;
static _Thread_local Object* current;
static Object* primary;
static int numRetained;
static bool initialized;
static int lost;
static char message[4096];
static Launch lastLaunch;

// What a test set; stub_reset sets it back.
static struct {
  int driverVersion, numDevices, major, minor, initResult;
  size_t totalBytes;
  char failName[64];
  int failAfter, failCode;
  int notReady;
  int compiledFor;
} settings;

typedef struct {
  char name[64];
  int count;
} Counter;
static Counter counters[128];

static const Builtin BUILTINS[];

static int count(const char* name) {
  for (Counter* c = counters; c < counters + 128; c++) {
    if (!*c->name) strncpy(c->name, name, 63);
    if (!strcmp(c->name, name)) return ++c->count;
  }
  abort();
}

static bool isSticky(int code) {
  return code == 4 || code == 214 || code == 220 || code == 226 || code == 700 || code == 702 ||
         code == 709 || code == 810 || (code >= 710 && code <= 721 && code != 711 && code != 712 &&
         code != 713 && code != 720);
}

static int fail(int code) {
  if (isSticky(code)) lost = code;
  return code;
}

// What every call does first: counts itself, fails if it is its turn or the device is lost.
static int enter(const char* name, bool needsContext) {
  count(name);
  if (*settings.failName && !strcmp(settings.failName, name) && settings.failAfter-- == 0) {
    *settings.failName = 0;
    return fail(settings.failCode);
  }
  if (needsContext && !initialized) return NOT_INITIALIZED;
  if (needsContext && lost) return lost;
  if (needsContext && !current) return INVALID_CONTEXT;
  return SUCCESS;
}

static void unlock(int* unused) {
  (void)unused;
  pthread_mutex_unlock(&mutex);
}

#define LOCK()                                           \
  __attribute__((cleanup(unlock))) int locked = 0;       \
  pthread_mutex_lock(&mutex);                            \
  (void)locked
#define ENTER(needsContext)                              \
  LOCK();                                                \
  do {                                                   \
    int entered = enter(__func__, needsContext);         \
    if (entered) return entered;                         \
  } while (0)
#define CHECK(holds, code) \
  if (!(holds)) return fail(code)

static Object* add(Kind kind, Object* parent) {
  Object* o = calloc(1, sizeof *o);
  *o = (Object){.kind = kind, .parent = parent, .next = objects};
  return objects = o;
}

static Object* find(const void* handle, Kind kind) {
  for (Object* o = objects; o; o = o->next) {
    if ((const void*)o == handle && o->kind == kind) return o;
  }
  return NULL;
}

// Memory of a kind that holds a whole range.
static Object* holder(const void* address, size_t size, Kind kind) {
  for (Object* o = objects; o; o = o->next) {
    if (o->kind == kind && (char*)address >= o->address &&
        (char*)address + size <= o->address + o->size) {
      return o;
    }
  }
  return NULL;
}

static void removeObject(Object* object) {
  for (Object** o = &objects; *o; o = &(*o)->next) {
    if (*o == object) {
      *o = object->next;
      break;
    }
  }
  if (object->kind == DEVICE_MEMORY || object->kind == PINNED) free(object->address);
  if (object->kind == MODULE && object->library) dlclose(object->library);
  for (int i = 0; i < object->numNodes; i++) {
    free(object->nodes[i]->launch);
    free(object->nodes[i]);
  }
  free(object->nodes);
  free(object->origins);
  free(object);
}

static size_t usedBytes(void) {
  size_t used = 0;
  for (Object* o = objects; o; o = o->next) used += o->kind == DEVICE_MEMORY ? o->size : 0;
  return used;
}

// Streams and captures. A null stream is the default one, which can't be captured.

static bool isStream(CUstream stream) { return !stream || find(stream, STREAM); }

static Object* captureOf(CUstream stream) { return stream ? ((Object*)stream)->capture : NULL; }

// What this thread captures, if anything: its unsafe calls break it.
static int breakCapture(void) {
  for (Object* o = objects; o; o = o->next) {
    if (o->kind == STREAM && o->capture && o->origin && pthread_equal(o->thread, pthread_self())) {
      o->capture->invalid = true;
      return CAPTURE_UNSUPPORTED;
    }
  }
  return SUCCESS;
}

static void append(Object* graph, Node* node) {
  graph->nodes = realloc(graph->nodes, (graph->numNodes + 1) * sizeof(Node*));
  graph->nodes[graph->numNodes++] = node;
}

static int runLaunch(const Launch* launch) {
  Object* f = (Object*)launch->function;
  lastLaunch = *launch;
  char* args[MAX_ARGS];
  for (int i = 0; i < launch->numArgs; i++) args[i] = lastLaunch.bytes + launch->offsets[i];
  if (f->builtin) return f->builtin->run(args);
  Dim3 grid = {launch->grid[0], launch->grid[1], launch->grid[2]};
  Dim3 block = {launch->block[0], launch->block[1], launch->block[2]};
  const char* error = f->emulated(args[0], grid, block, launch->sharedBytes);
  if (!error) return SUCCESS;
  snprintf(message, sizeof message, "%s", error);
  return LAUNCH_FAILED;
}

static int run(const Node* node) {
  switch (node->kind) {
    case KERNEL:
      return fail(runLaunch(node->launch));
    case COPY:
      memmove(node->to, node->from, node->size);
      return SUCCESS;
    case FILL:
      for (size_t i = 0; i < node->size; i++) {
        memcpy(node->to + i * node->width, node->pattern, node->width);
      }
      return SUCCESS;
    case MARK:
      return SUCCESS;
  }
  return SUCCESS;
}

// Runs a piece of work, or keeps it as a node of the graph that the stream captures.
static int submit(CUstream stream, Node work) {
  CHECK(isStream(stream), INVALID_HANDLE);
  Object* graph = captureOf(stream);
  if (!graph) {
    int result = run(&work);
    free(work.launch);
    return result;
  }
  Node* node = malloc(sizeof *node);
  *node = work;
  append(graph, node);
  return SUCCESS;
}
