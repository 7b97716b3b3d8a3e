/** StableLM 3B and 2. Source: arXiv:2402.17834. */
@NullMarked
package dev.lamina.models.stablelm;

import org.jspecify.annotations.NullMarked;
