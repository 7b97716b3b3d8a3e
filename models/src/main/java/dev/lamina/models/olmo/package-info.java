/** OLMo, the first. */
@NullMarked
package dev.lamina.models.olmo;

import org.jspecify.annotations.NullMarked;
