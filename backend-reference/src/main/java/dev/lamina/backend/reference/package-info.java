/** The reference backend: plain Java, no speed. */
@NullMarked
package dev.lamina.backend.reference;

import org.jspecify.annotations.NullMarked;
