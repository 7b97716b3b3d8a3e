package dev.lamina.chat;

/**
 * Ids of one stream to text, a token at a time, with bounded work a token. Never gives half a code
 * point: bytes wait until their character is whole. Not safe for use by several threads.
 */
public interface Detokenizer {

  /** Takes the next id and returns the text that became certain, often empty. */
  String append(int id);

  /**
   * Ends the stream: returns what was held back, with U+FFFD for a character that never became
   * whole. The object then starts a new stream.
   */
  String flush();
}
