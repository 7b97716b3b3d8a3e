package dev.lamina.server;

import dev.lamina.Answer;
import dev.lamina.Delta;
import dev.lamina.scheduler.FinishReason;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/** How one answer is written as JSON; holds the state of that answer's stream. */
sealed interface AnswerFormat permits ChatFormat, CompletionFormat {
  /** The answer in one piece. */
  ObjectNode whole(Answer answer);

  /** The chunk before the first token, null for none. */
  @Nullable ObjectNode first();

  /** The chunk of a piece, null if it shows nothing. */
  @Nullable ObjectNode delta(Delta delta);

  /** The chunk that says why the answer ended. */
  ObjectNode last(Answer answer);

  /** The chunk that tells the usage. */
  ObjectNode usage(Answer answer);

  /** A finish reason as OpenAI spells it. */
  static String name(FinishReason reason) {
    return switch (reason) {
      case STOP -> "stop";
      case LENGTH -> "length";
      case ABORT -> "abort";
      case ERROR -> "error";
    };
  }
}
