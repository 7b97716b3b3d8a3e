/** Hunyuan, the dense ones. */
@NullMarked
package dev.lamina.models.hunyuan;

import org.jspecify.annotations.NullMarked;
