/** The Java door: opens a model and wires backend, chat and engine for an application. */
module dev.lamina {
  requires transitive dev.lamina.spi;
  requires transitive dev.lamina.scheduler;
  requires transitive dev.lamina.chat;
  requires transitive dev.lamina.models;
  requires dev.lamina.json;
  requires static org.jspecify;

  exports dev.lamina;

  uses dev.lamina.spi.BackendProvider;
}
