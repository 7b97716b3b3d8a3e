/** OPT. Source: arXiv:2205.01068. */
@NullMarked
package dev.lamina.models.opt;

import org.jspecify.annotations.NullMarked;
