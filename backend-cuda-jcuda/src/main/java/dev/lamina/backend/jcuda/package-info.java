/** A second binding of the CUDA driver API, for those who already ship JCuda. */
@NullMarked
package dev.lamina.backend.jcuda;

import org.jspecify.annotations.NullMarked;
