package dev.lamina.server;

import dev.lamina.scheduler.EngineObserver;
import dev.lamina.scheduler.RequestOutput;

/** Tells two observers; the second may come once the engine runs. */
final class ObserverRelay implements EngineObserver {
  private final EngineObserver first;
  private volatile EngineObserver second = EngineObserver.NONE;

  ObserverRelay(EngineObserver first) {
    this.first = first;
  }

  void relayTo(EngineObserver observer) {
    second = observer;
  }

  @Override
  public void onStep(int numTokens, int numSeqs) {
    first.onStep(numTokens, numSeqs);
    second.onStep(numTokens, numSeqs);
  }

  @Override
  public void onRequestFinished(RequestOutput output) {
    first.onRequestFinished(output);
    second.onRequestFinished(output);
  }
}
