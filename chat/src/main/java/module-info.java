/** Text to tokens and back: tokenizers, chat templates and the incremental detokenizer. */
module dev.lamina.chat {
  requires transitive tools.jackson.databind;
  requires dev.lamina.json;
  // Only for tokenizer types that the Java tokenizer does not read; a bundle may leave it out.
  requires static ai.djl.tokenizers;
  requires static org.jspecify;

  exports dev.lamina.chat;
}
