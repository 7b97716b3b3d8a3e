/** GPUs through Vulkan 1.2: compute shaders that reach memory by device addresses. */
@NullMarked
package dev.lamina.backend.vulkan;

import org.jspecify.annotations.NullMarked;
