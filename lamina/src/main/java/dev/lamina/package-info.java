/** The door for applications: opens a model and answers. */
@NullMarked
package dev.lamina;

import org.jspecify.annotations.NullMarked;
