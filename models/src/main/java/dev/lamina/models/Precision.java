package dev.lamina.models;

/** How exactly a model runs. */
public enum Precision {
  /** Float activations, keys and values: what golden comparisons use. */
  F32,
  /** Keys and values in the weights' dtype, F16 where they are quantised. */
  DEFAULT
}
