/** Building blocks for backends; knows no chip. */
@NullMarked
package dev.lamina.backend.sdk;

import org.jspecify.annotations.NullMarked;
