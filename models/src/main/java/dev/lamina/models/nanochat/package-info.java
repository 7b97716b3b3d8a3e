/** nanochat. */
@NullMarked
package dev.lamina.models.nanochat;

import org.jspecify.annotations.NullMarked;
