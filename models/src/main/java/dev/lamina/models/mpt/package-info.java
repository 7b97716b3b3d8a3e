/** MPT. */
@NullMarked
package dev.lamina.models.mpt;

import org.jspecify.annotations.NullMarked;
