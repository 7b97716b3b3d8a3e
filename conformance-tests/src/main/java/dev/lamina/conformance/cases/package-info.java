/**
 * The cases, one class an area: lifecycle (L0) and core ops (L1). Each class adds its cases to a
 * {@link dev.lamina.conformance.cases.CaseList}; nothing here depends on the backend under test, so
 * every backend gets the same list.
 */
@NullMarked
package dev.lamina.conformance.cases;

import org.jspecify.annotations.NullMarked;
