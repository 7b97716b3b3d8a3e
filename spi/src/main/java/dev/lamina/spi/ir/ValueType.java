package dev.lamina.spi.ir;

/** Type of an SSA value: a tensor, or a state that only state ops touch. */
public sealed interface ValueType permits TensorType, StateType {}
