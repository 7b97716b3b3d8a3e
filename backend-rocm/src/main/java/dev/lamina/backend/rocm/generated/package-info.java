/** The functions of HIP, as jextract binds them: see {@code bin/hip-bindings}. */
@NullMarked
package dev.lamina.backend.rocm.generated;

import org.jspecify.annotations.NullMarked;
