/** OLMo Hybrid: the gated delta rule in most layers, OLMo's attention in some. */
@NullMarked
package dev.lamina.models.olmohybrid;

import org.jspecify.annotations.NullMarked;
