// A CUDA driver for tests, on the host: device memory is host memory, every call is done when it
// returns, and it fails where a test asks it to.
//
//   cc -shared -fPIC -o libcuda.so libcuda.c -ldl
//
// It is stricter than the driver where that finds mistakes: copies and fills must lie in one live
// allocation, fresh memory holds NaN, handles must be live, and what a capture forbids breaks it.
// A module's image is the text "stub:" and the path of a shared object that holds kernels compiled
// for the host, or "stub:" alone for the kernels at the end of this file. "stub-other-gpu" is an
// image for another GPU; anything else is none. What begins with stub_ is for tests.
#include "state.c"

#include "devices.c"

#include "memory.c"

#include "streams.c"

#include "kernels.c"

#include "graphs.c"

#include "control.c"
