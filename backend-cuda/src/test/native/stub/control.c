// What tests call; each returns an int, so that one kind of downcall does for all.

STUB int stub_reset(void) {
  LOCK();
  while (objects) removeObject(objects);
  primary = NULL;
  current = NULL;
  numRetained = lost = 0;
  initialized = false;
  *message = 0;
  memset(counters, 0, sizeof counters);
  memset(&lastLaunch, 0, sizeof lastLaunch);
  memset(&settings, 0, sizeof settings);
  settings.driverVersion = 13000;
  settings.numDevices = 1;
  settings.major = 9;
  settings.compiledFor = 90;
  settings.totalBytes = (size_t)8 << 30;
  return 0;
}

// Lets the call after the next `after` calls of a function return a code.
STUB int stub_fail(const char* function, int after, int code) {
  LOCK();
  snprintf(settings.failName, sizeof settings.failName, "%s", function);
  settings.failAfter = after;
  settings.failCode = code;
  return 0;
}

STUB int stub_machine(int driverVersion, int numDevices, int major, int minor, int initResult) {
  LOCK();
  settings.driverVersion = driverVersion;
  settings.numDevices = numDevices;
  settings.major = major;
  settings.minor = minor;
  settings.initResult = initResult;
  return 0;
}

STUB int stub_memory(size_t bytes) {
  LOCK();
  settings.totalBytes = bytes;
  return 0;
}

STUB int stub_compiled_for(int architecture) {
  LOCK();
  settings.compiledFor = architecture;
  return 0;
}

STUB int stub_not_ready(int queries) {
  LOCK();
  settings.notReady = queries;
  return 0;
}

// How often a function was called.
STUB int stub_calls(const char* function) {
  LOCK();
  for (Counter* c = counters; c < counters + 128 && *c->name; c++) {
    if (!strcmp(c->name, function)) return c->count;
  }
  return 0;
}

// Live objects of a kind, in the order of state.c; a context is none.
STUB int stub_live(int kind) {
  LOCK();
  int live = 0;
  for (Object* o = objects; o; o = o->next) live += (int)o->kind == kind;
  return live;
}

// The last kernel that ran: 0 to 2 the grid, 3 to 5 the block, 6 dynamic shared memory, 7 whether
// programmatic dependent launch was allowed, 8 to 10 the cluster.
STUB int stub_last_launch(int field) {
  LOCK();
  return field < 3   ? (int)lastLaunch.grid[field]
         : field < 6 ? (int)lastLaunch.block[field - 3]
         : field == 6 ? (int)lastLaunch.sharedBytes
         : field == 7 ? lastLaunch.pdl
                      : (int)lastLaunch.cluster[field - 8];
}

__attribute__((constructor)) static void begin(void) { stub_reset(); }
