package dev.lamina.server;

import dev.lamina.GenerationOptions;

/**
 * A generation request that was read.
 *
 * @param promptField the field that holds the prompt
 * @param promptIds the prompt's tokens; not copied
 * @param options how to go on from it
 * @param format the dialect of the answer
 * @param stream whether the answer goes out piece by piece
 * @param includeUsage whether a last chunk of a stream tells the usage
 */
record GenerationCall(
    String promptField,
    int[] promptIds,
    GenerationOptions options,
    AnswerFormat format,
    boolean stream,
    boolean includeUsage) {}
