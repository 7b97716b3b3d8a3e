/** OLMo 2: norms follow the branches instead of preceding them. Source: arXiv:2501.00656. */
@NullMarked
package dev.lamina.models.olmo2;

import org.jspecify.annotations.NullMarked;
