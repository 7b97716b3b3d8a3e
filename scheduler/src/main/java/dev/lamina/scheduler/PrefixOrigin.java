package dev.lamina.scheduler;

import org.jspecify.annotations.Nullable;

/** What beside the tokens decides a KV block's content, or who may see it. */
record PrefixOrigin(@Nullable String cacheSalt, @Nullable Adapter adapter, int positionKind) {}
