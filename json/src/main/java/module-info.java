/** JSON to trees by the streaming parser alone, for what is read at every start. */
module dev.lamina.json {
  requires transitive tools.jackson.databind;
  requires static org.jspecify;

  exports dev.lamina.json;
}
