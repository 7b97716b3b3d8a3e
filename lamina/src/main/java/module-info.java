/** The Java door: opens a model and wires backend, chat and engine for an application. */
module dev.lamina {
  requires transitive dev.lamina.spi;
  requires dev.lamina.models;
  requires dev.lamina.scheduler;
  requires dev.lamina.chat;
  requires static org.jspecify;
}
