/** Checkpoint files to weights, and model architectures to IR graphs. */
module dev.lamina.models {
  requires transitive dev.lamina.spi;
  requires tools.jackson.databind;
  requires static org.jspecify;
}
