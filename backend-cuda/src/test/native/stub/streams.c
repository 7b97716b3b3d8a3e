// Streams, events and captures. All work is done when it is submitted, so nothing is ever waited
// for; stub_not_ready makes the next queries say otherwise.

STUB CUresult cuStreamCreate(CUstream* stream, unsigned flags) {
  ENTER(true);
  CHECK(flags == 1, INVALID_VALUE);
  *stream = (CUstream)add(STREAM, current);
  return SUCCESS;
}

STUB CUresult cuStreamDestroy_v2(CUstream stream) {
  ENTER(true);
  CHECK(find(stream, STREAM), INVALID_HANDLE);
  removeObject((Object*)stream);
  return SUCCESS;
}

static int ready(Object* capture) {
  if (capture) {
    capture->invalid = true;
    return CAPTURE_UNSUPPORTED;
  }
  return settings.notReady > 0 && settings.notReady-- ? NOT_READY : SUCCESS;
}

STUB CUresult cuStreamQuery(CUstream stream) {
  ENTER(true);
  CHECK(isStream(stream), INVALID_HANDLE);
  return ready(captureOf(stream));
}

STUB CUresult cuStreamSynchronize(CUstream stream) {
  ENTER(true);
  CHECK(isStream(stream), INVALID_HANDLE);
  settings.notReady = 0;
  return ready(captureOf(stream));
}

// An event of a captured stream takes another stream into the capture.
STUB CUresult cuStreamWaitEvent(CUstream stream, CUevent event, unsigned flags) {
  ENTER(true);
  CHECK(flags == 0, INVALID_VALUE);
  CHECK(isStream(stream) && find(event, EVENT), INVALID_HANDLE);
  Object* capture = ((Object*)event)->capture;
  if (capture && stream && !captureOf(stream)) ((Object*)stream)->capture = capture;
  return SUCCESS;
}

STUB CUresult cuEventCreate(CUevent* event, unsigned flags) {
  ENTER(true);
  CHECK(flags == 0 || flags == 2, INVALID_VALUE);
  Object* o = add(EVENT, current);
  o->flags = flags;
  *event = (CUevent)o;
  return SUCCESS;
}

STUB CUresult cuEventDestroy_v2(CUevent event) {
  ENTER(true);
  CHECK(find(event, EVENT), INVALID_HANDLE);
  removeObject((Object*)event);
  return SUCCESS;
}

STUB CUresult cuEventRecord(CUevent event, CUstream stream) {
  ENTER(true);
  CHECK(find(event, EVENT) && isStream(stream), INVALID_HANDLE);
  Object* o = (Object*)event;
  o->capture = captureOf(stream);
  o->recorded = true;
  clock_gettime(CLOCK_MONOTONIC, &o->time);
  return o->capture ? SUCCESS : submit(stream, (Node){.kind = MARK});
}

STUB CUresult cuEventQuery(CUevent event) {
  ENTER(true);
  CHECK(find(event, EVENT), INVALID_HANDLE);
  return ready(((Object*)event)->capture);
}

STUB CUresult cuEventSynchronize(CUevent event) {
  ENTER(true);
  CHECK(find(event, EVENT), INVALID_HANDLE);
  settings.notReady = 0;
  return ready(((Object*)event)->capture);
}

STUB CUresult cuEventElapsedTime(float* millis, CUevent start, CUevent end) {
  ENTER(true);
  Object *from = find(start, EVENT), *to = find(end, EVENT);
  CHECK(from && to && from->recorded && to->recorded, INVALID_HANDLE);
  CHECK(from->flags == 0 && to->flags == 0, INVALID_HANDLE);
  *millis = (float)(1e3 * (double)(to->time.tv_sec - from->time.tv_sec) +
                    1e-6 * (double)(to->time.tv_nsec - from->time.tv_nsec));
  return SUCCESS;
}

STUB CUresult cuStreamBeginCapture_v2(CUstream stream, CUstreamCaptureMode mode) {
  ENTER(true);
  CHECK((int)mode == 1 && stream, INVALID_VALUE);
  CHECK(isStream(stream) && !captureOf(stream), INVALID_HANDLE);
  Object* o = (Object*)stream;
  o->capture = add(GRAPH, current);
  o->origin = true;
  o->thread = pthread_self();
  return SUCCESS;
}

STUB CUresult cuStreamEndCapture(CUstream stream, CUgraph* graph) {
  ENTER(true);
  CHECK(stream && isStream(stream), INVALID_HANDLE);
  Object* capture = captureOf(stream);
  CHECK(capture && ((Object*)stream)->origin, CAPTURE_UNMATCHED);
  for (Object* o = objects; o; o = o->next) {
    if (o->capture == capture) {
      o->capture = NULL;
      o->origin = false;
    }
  }
  *graph = NULL;
  if (capture->invalid) {
    removeObject(capture);
    return CAPTURE_INVALIDATED;
  }
  *graph = (CUgraph)capture;
  return SUCCESS;
}

STUB CUresult cuStreamIsCapturing(CUstream stream, CUstreamCaptureStatus* status) {
  ENTER(true);
  CHECK(isStream(stream), INVALID_HANDLE);
  Object* capture = captureOf(stream);
  *status = capture ? capture->invalid ? 2 : 1 : 0;
  return SUCCESS;
}
