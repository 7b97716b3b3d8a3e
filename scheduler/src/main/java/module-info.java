/** Which tokens run in the next step and which KV pages they own, and the engine loop. */
module dev.lamina.scheduler {
  requires transitive dev.lamina.spi;
  requires static org.jspecify;

  exports dev.lamina.scheduler;
}
