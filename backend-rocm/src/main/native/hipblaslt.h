// What jextract reads: see bin/hip-bindings.
#include <stddef.h>
#include <stdint.h>
#include <hip/library_types.h>

#define HIPBLASLT_EXPORT
#include <hipblaslt/hipblaslt.h>
