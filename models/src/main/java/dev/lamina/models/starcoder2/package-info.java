/** StarCoder 2. Source: arXiv:2402.19173. */
@NullMarked
package dev.lamina.models.starcoder2;

import org.jspecify.annotations.NullMarked;
