/** nanochat: norms without weights, pairs turned the other way, squared ReLUs. */
@NullMarked
package dev.lamina.models.nanochat;

import org.jspecify.annotations.NullMarked;
