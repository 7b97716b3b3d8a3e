package dev.lamina.conformance;

/**
 * A number that a case found beside its verdict, such as a drift or a bandwidth.
 *
 * @param name what was measured; a dotted path, so that a table can group by its first part
 * @param value the number
 * @param unit its unit, or empty for a plain number
 * @param remark what follows from it, such as whether a floor is met; may be empty
 */
public record Measurement(String name, double value, String unit, String remark) {}
