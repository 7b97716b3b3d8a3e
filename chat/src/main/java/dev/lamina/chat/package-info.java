/** Text to tokens and back; knows nothing of models or devices. */
@NullMarked
package dev.lamina.chat;

import org.jspecify.annotations.NullMarked;
