/** Command R and R+. */
@NullMarked
package dev.lamina.models.cohere;

import org.jspecify.annotations.NullMarked;
