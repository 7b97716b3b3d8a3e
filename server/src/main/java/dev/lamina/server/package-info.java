/** HTTP dialects over the door; knows nothing of tensors or backends. */
@NullMarked
package dev.lamina.server;

import org.jspecify.annotations.NullMarked;
