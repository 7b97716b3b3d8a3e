// A streaming multiprocessor with one processor: runs a grid block by block, threads as fibers.
#pragma once

#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <mutex>
#include <vector>

extern "C" {
extern char __start_lamina_shared[] __attribute__((weak, visibility("hidden")));
extern char __stop_lamina_shared[] __attribute__((weak, visibility("hidden")));
/** Saves the callee's registers and the stack pointer in *from, and goes on at the stack to. */
void lamina_switch_stack(void** from, void* to);
}

#if defined(__x86_64__)
asm(R"(
.text
.type lamina_switch_stack, @function
lamina_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size lamina_switch_stack, .-lamina_switch_stack
)");
#elif defined(__aarch64__)
asm(R"(
.text
.type lamina_switch_stack, %function
lamina_switch_stack:
  sub sp, sp, #160
  stp x19, x20, [sp, #0]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp, #0]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
.size lamina_switch_stack, .-lamina_switch_stack
)");
#else
#error "emulate.h switches stacks on x86-64 and aarch64 only"
#endif

namespace emulate {

struct Dim3 {
  unsigned x, y, z;
};

/** What a launcher must know of a kernel, exported as NAME_info. */
struct KernelInfo {
  unsigned paramBytes;
  unsigned maxThreads;
};

struct Kernel {
  const char* name;
  unsigned maxThreads;
  void (*body)(const void* params);
};

/** Where a thread waits. */
struct Site {
  const char* file;
  int line;
};

constexpr unsigned WARP = 32;
constexpr unsigned MOST_THREADS = 1024;
constexpr unsigned NUM_BARRIERS = 16;
constexpr size_t STACK_BYTES = 192 * 1024;
constexpr size_t PAGE_BYTES = 4096;
constexpr unsigned MOST_SHARED = 227 * 1024;
constexpr unsigned CANARY = 256;
constexpr unsigned char POISON = 0xFF;
/** Turns that threads may give away in a row without one of them getting on. */
constexpr unsigned long MOST_IDLE_TURNS = 4'000'000;

struct Fiber {
  void* sp;
  char* stack;
};

/** A copy of cp.async that has not landed yet. */
struct Copy {
  void* to;
  const void* from;
  unsigned bytes, zeros;
};

struct Thread {
  Dim3 index;
  unsigned flat;
  Fiber* fiber;  // holds the suspended thread, null while it runs and before it began
  const char* waits;
  Site site;
  std::vector<Copy> copies;
  std::vector<size_t> groups;  // ends of the committed groups in copies
};

/** Lanes that wait for each other in one exchange. */
struct Group {
  unsigned mask, arrived;
  const char* op;
  Site site;
  void (*compute)(struct Warp&, unsigned lanes);
};

struct Warp {
  Thread* lanes;
  unsigned live, ready;
  unsigned barred[NUM_BARRIERS];
  Group groups[WARP];
  unsigned numGroups;
  const void* in[WARP];
  void* out[WARP];
};

struct Barrier {
  unsigned arrived, expected;  // expected 0: all threads that have not ended
  Site site;
  int sum, result;
};

struct Machine {
  std::mutex mutex;
  Kernel kernel;
  const void* params;
  Dim3 gridDim, blockDim, blockIdx;
  unsigned numThreads, numWarps, live, sharedBytes;
  Thread threads[MOST_THREADS];
  Warp warps[MOST_THREADS / WARP];
  Barrier barriers[NUM_BARRIERS];
  Fiber* running;
  void* mainSp;
  std::vector<Fiber*> all, idle;
  unsigned char* shared;
  bool reversed, failed;
  unsigned long idleTurns;
  char message[512];

  /** When the shared object is unloaded. */
  ~Machine() {
    for (Fiber* f : all) {
      munmap(f->stack, STACK_BYTES);
      delete f;
    }
    free(shared);
  }
};

static Machine machine;
static Thread* current;

static inline unsigned char* dynamicShared() { return machine.shared; }

/** Ends the launch with a line that names the kernel; called on a fiber. */
[[noreturn, gnu::format(printf, 1, 2)]] static void fail(const char* format, ...) {
  Machine& m = machine;
  int n = snprintf(
      m.message, sizeof m.message, "kernel %s, block (%u, %u, %u), thread %u: ", m.kernel.name,
      m.blockIdx.x, m.blockIdx.y, m.blockIdx.z, current->flat);
  va_list rest;
  va_start(rest, format);
  vsnprintf(m.message + n, sizeof m.message - n, format, rest);
  va_end(rest);
  m.failed = true;
  lamina_switch_stack(&m.running->sp, m.mainSp);
  __builtin_unreachable();
}

static inline Warp& warpOf(const Thread& t) { return machine.warps[t.flat / WARP]; }

/** Takes a lane that can run: the first behind `after`, in the order of this run. */
static Thread* takeReady(Warp& w, unsigned after) {
  if (w.ready == 0) {
    return nullptr;
  }
  unsigned lane;
  if (machine.reversed) {
    unsigned below = w.ready & ((1u << (after % WARP)) - 1);
    lane = WARP - 1 - __builtin_clz(below != 0 ? below : w.ready);
  } else {
    unsigned above = after % WARP == WARP - 1 ? 0 : w.ready & (~0u << (after % WARP + 1));
    lane = __builtin_ctz(above != 0 ? above : w.ready);
  }
  w.ready &= ~(1u << lane);
  return &w.lanes[lane];
}

static void endThread(Thread& t);

[[noreturn]] static void fiberMain() {
  Machine& m = machine;
  for (;;) {
    m.kernel.body(m.params);
    Thread& t = *current;
    endThread(t);
    Fiber* mine = m.running;
    Thread* next = takeReady(warpOf(t), t.flat);
    if (next != nullptr && next->fiber == nullptr) {
      current = next;
      continue;  // a thread that begins can have this stack
    }
    m.idle.push_back(mine);
    void* to = m.mainSp;
    if (next != nullptr) {
      current = next;
      m.running = next->fiber;
      next->fiber = nullptr;
      to = m.running->sp;
    }
    lamina_switch_stack(&mine->sp, to);
    __builtin_unreachable();
  }
}

static Fiber* freshFiber() {
  Machine& m = machine;
  if (m.idle.empty()) {
    char* stack = static_cast<char*>(
        mmap(nullptr, STACK_BYTES, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    if (stack == MAP_FAILED || mprotect(stack, PAGE_BYTES, PROT_NONE) != 0) {
      perror("emulate: no memory for the stack of a thread");
      abort();
    }
    m.all.push_back(new Fiber{nullptr, stack});
    m.idle.push_back(m.all.back());
  }
  Fiber* f = m.idle.back();
  m.idle.pop_back();
  // Stacks begin at different lines of a page: all at the same one would share few cache sets.
  size_t colour = reinterpret_cast<uintptr_t>(f->stack) / STACK_BYTES % 61 * 64;
  void** top = reinterpret_cast<void**>(f->stack + STACK_BYTES - 64 - colour);
#if defined(__x86_64__)
  top[-1] = nullptr;  // where fiberMain would return to
  top[-2] = reinterpret_cast<void*>(&fiberMain);
  f->sp = top - 8;
#else
  f->sp = top - 20;
  top[-20 + 10] = nullptr;
  top[-20 + 11] = reinterpret_cast<void*>(&fiberMain);
#endif
  return f;
}

/** The stack to go on with for a thread that was taken. */
static Fiber* enter(Thread& t) {
  Fiber* f = t.fiber != nullptr ? t.fiber : freshFiber();
  t.fiber = nullptr;
  current = &t;
  machine.running = f;
  return f;
}

/** Leaves this thread until its lane is made ready and taken. */
static void suspend() {
  Machine& m = machine;
  Thread& t = *current;
  Fiber* mine = m.running;
  t.fiber = mine;
  Thread* next = takeReady(warpOf(t), t.flat);
  lamina_switch_stack(&mine->sp, next != nullptr ? enter(*next)->sp : m.mainSp);
}

/** Lets other threads run; for loops that wait for memory to change. */
static void yieldTurn() {
  if (++machine.idleTurns > MOST_IDLE_TURNS) {
    fail("waits for memory that nobody writes");
  }
  Thread& t = *current;
  Warp& w = warpOf(t);
  w.ready |= 1u << (t.flat % WARP);
  t.fiber = machine.running;
  lamina_switch_stack(&t.fiber->sp, machine.mainSp);
}

static void release(unsigned id) {
  Barrier& b = machine.barriers[id];
  b.result = b.sum;
  b.sum = 0;
  b.arrived = 0;
  for (unsigned i = 0; i < machine.numWarps; i++) {
    Warp& w = machine.warps[i];
    w.ready |= w.barred[id];
    w.barred[id] = 0;
  }
}

/** Counts a thread at a barrier; whether it was the last one, and all go on. */
static bool arrive(unsigned id, unsigned expected, int add, const char* what, Site site) {
  Machine& m = machine;
  m.idleTurns = 0;
  Barrier& b = m.barriers[id];
  if (b.arrived == 0) {
    b.expected = expected;
    b.site = site;
  } else if (b.expected != expected) {
    fail("%s at line %d expects %u threads, at line %d %u", what, site.line, expected,
         b.site.line, b.expected);
  } else if (id == 0 && b.site.line != site.line) {
    fail("%s is diverged: some threads wait at line %d, this one at line %d of %s", what,
         b.site.line, site.line, site.file);
  }
  b.arrived++;
  b.sum += add;
  bool isLast = b.arrived == (expected == 0 ? m.live : expected);
  if (isLast) {
    release(id);
  }
  return isLast;
}

/** Waits at a barrier; the sum over all that arrive of `add`. */
static int barrier(unsigned id, unsigned expected, int add, const char* what, Site site) {
  Barrier& b = machine.barriers[id];
  if (arrive(id, expected, add, what, site)) {
    return b.result;
  }
  Thread& t = *current;
  warpOf(t).barred[id] |= 1u << (t.flat % WARP);
  t.waits = what;
  t.site = site;
  suspend();
  return b.result;
}

static void complete(Warp& w, unsigned g) {
  unsigned lanes = w.groups[g].arrived;
  w.groups[g].compute(w, lanes);
  w.groups[g] = w.groups[--w.numGroups];
  w.ready |= lanes;
}

static void endThread(Thread& t) {
  Machine& m = machine;
  m.idleTurns = 0;
  Warp& w = warpOf(t);
  w.live &= ~(1u << (t.flat % WARP));
  m.live--;
  for (unsigned g = w.numGroups; g-- > 0;) {
    if ((w.groups[g].mask & w.live & ~w.groups[g].arrived) == 0) {
      complete(w, g);
    }
  }
  Barrier& b = m.barriers[0];
  if (b.arrived > 0 && b.expected == 0 && b.arrived == m.live) {
    release(0);
  }
}

/** Says which threads wait for what: called on the main stack when none can run. */
static void describeHang() {
  Machine& m = machine;
  int n = snprintf(m.message, sizeof m.message, "kernel %s, block (%u, %u, %u) hangs:",
                   m.kernel.name, m.blockIdx.x, m.blockIdx.y, m.blockIdx.z);
  const char* waits = nullptr;
  int line = -1;
  for (unsigned i = 0; i < m.numThreads && n < static_cast<int>(sizeof m.message); i++) {
    Thread& t = m.threads[i];
    bool live = (warpOf(t).live >> (i % WARP) & 1) != 0;
    if (live && t.fiber != nullptr && (t.waits != waits || t.site.line != line)) {
      n += snprintf(m.message + n, sizeof m.message - n, " thread %u waits in %s at line %d;", i,
                    t.waits, t.site.line);
      waits = t.waits;
      line = t.site.line;
    }
  }
  m.failed = true;
}

static void beginBlock() {
  Machine& m = machine;
  m.live = m.numThreads;
  m.idleTurns = 0;
  memset(m.barriers, 0, sizeof m.barriers);
  memset(m.shared, POISON, m.sharedBytes + CANARY);
  if (__start_lamina_shared != nullptr) {
    memset(__start_lamina_shared, POISON, __stop_lamina_shared - __start_lamina_shared);
  }
  for (unsigned i = 0; i < m.numWarps; i++) {
    Warp& w = m.warps[i];
    unsigned lanes = m.numThreads - i * WARP;
    w.lanes = &m.threads[i * WARP];
    w.live = w.ready = lanes >= WARP ? ~0u : (1u << lanes) - 1;
    w.numGroups = 0;
    memset(w.barred, 0, sizeof w.barred);
  }
}

static void runBlock() {
  Machine& m = machine;
  beginBlock();
  unsigned w = m.reversed ? m.numWarps - 1 : 0;
  for (unsigned seen = 0; seen < m.numWarps && !m.failed; seen++) {
    // From the end of the order, so that the first lane in it is taken first.
    Thread* t = takeReady(m.warps[w], m.reversed ? 0 : WARP - 1);
    if (t != nullptr) {
      seen = ~0u;
      void* to = enter(*t)->sp;
      lamina_switch_stack(&m.mainSp, to);
    }
    w = (m.reversed ? w + m.numWarps - 1 : w + 1) % m.numWarps;
  }
  if (m.failed) {
    return;
  }
  if (m.live > 0) {
    describeHang();
    return;
  }
  for (unsigned i = 0; i < CANARY; i++) {
    if (m.shared[m.sharedBytes + i] != POISON) {
      snprintf(m.message, sizeof m.message,
               "kernel %s, block (%u, %u, %u) wrote %u bytes behind its %u of shared memory",
               m.kernel.name, m.blockIdx.x, m.blockIdx.y, m.blockIdx.z, i, m.sharedBytes);
      m.failed = true;
      return;
    }
  }
}

static void prepare(const Kernel& kernel, const void* params, Dim3 grid, Dim3 block) {
  Machine& m = machine;
  if (m.shared == nullptr) {
    m.shared = static_cast<unsigned char*>(aligned_alloc(1024, MOST_SHARED + 1024));
    const char* order = getenv("LAMINA_EMULATE_ORDER");
    m.reversed = order != nullptr && strcmp(order, "reverse") == 0;
  }
  m.kernel = kernel;
  m.params = params;
  m.gridDim = grid;
  m.blockDim = block;
  m.numThreads = block.x * block.y * block.z;
  m.numWarps = (m.numThreads + WARP - 1) / WARP;
  m.failed = false;
  for (unsigned i = 0; i < m.numThreads; i++) {
    Thread& t = m.threads[i];
    t.flat = i;
    t.index = {i % block.x, i / block.x % block.y, i / (block.x * block.y)};
    t.fiber = nullptr;
    t.copies.clear();
    t.groups.clear();
  }
}

/** Runs a grid; null, or what went wrong. */
[[maybe_unused]] static const char* launch(
    const Kernel& kernel, const void* params, Dim3 grid, Dim3 block, unsigned sharedBytes) {
  Machine& m = machine;
  std::lock_guard<std::mutex> one(m.mutex);
  unsigned long threads = 1ul * block.x * block.y * block.z;
  unsigned long blocks = 1ul * grid.x * grid.y * grid.z;
  if (threads == 0 || threads > kernel.maxThreads || blocks == 0 || grid.y > 65535 ||
      grid.z > 65535 || grid.x > 0x7FFFFFFF || sharedBytes > MOST_SHARED) {
    snprintf(m.message, sizeof m.message,
             "kernel %s: cannot launch (%u, %u, %u) blocks of (%u, %u, %u) threads, at most %u, "
             "with %u bytes of shared memory",
             kernel.name, grid.x, grid.y, grid.z, block.x, block.y, block.z, kernel.maxThreads,
             sharedBytes);
    return m.message;
  }
  m.sharedBytes = sharedBytes;
  prepare(kernel, params, grid, block);
  for (unsigned long i = 0; i < blocks && !m.failed; i++) {
    unsigned long b = m.reversed ? blocks - 1 - i : i;
    m.blockIdx = {static_cast<unsigned>(b % grid.x), static_cast<unsigned>(b / grid.x % grid.y),
                  static_cast<unsigned>(b / grid.x / grid.y)};
    runBlock();
  }
  if (m.failed) {
    m.idle = m.all;
    return m.message;
  }
  return nullptr;
}

}  // namespace emulate

/** Whether lanes, warps and blocks take turns backwards from now on. */
extern "C" __attribute__((visibility("default"), weak)) void lamina_reverse(bool reversed) {
  emulate::machine.reversed = reversed;
}

#define threadIdx (::emulate::current->index)
#define blockIdx (::emulate::machine.blockIdx)
#define blockDim (::emulate::machine.blockDim)
#define gridDim (::emulate::machine.gridDim)
#define warpSize 32
