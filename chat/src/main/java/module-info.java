/** Text to tokens and back: tokenizers, chat templates and the incremental detokenizer. */
module dev.lamina.chat {
  requires tools.jackson.databind;
  requires static org.jspecify;
}
