/**
 * Text to tokens and back: tokenizers, the incremental detokenizer, stop strings, messages and chat
 * templates. Nothing here knows of models, devices or HTTP.
 */
@NullMarked
package dev.lamina.chat;

import org.jspecify.annotations.NullMarked;
