/**
 * The GGUF format, versions 2 and 3: read through a memory mapping and written as a stream. Entry
 * types: {@link dev.lamina.models.gguf.GgufCheckpoint} and {@link
 * dev.lamina.models.gguf.GgufWriter}.
 *
 * <h2>Byte layout of a file</h2>
 *
 * <table>
 * <caption>all numbers little-endian, nothing aligned before the data region</caption>
 * <tr><th>field</th><th>content</th></tr>
 * <tr><td>magic</td><td>the four bytes {@code GGUF}</td></tr>
 * <tr><td>version</td><td>u32, 2 or 3</td></tr>
 * <tr><td>tensors, pairs</td><td>u64 each: how many follow</td></tr>
 * <tr><td>each pair</td><td>key (text), u32 type of the value, the value</td></tr>
 * <tr><td>each tensor</td><td>name (text), u32 number of dims, u64 each dim, innermost first, u32
 * type ({@link dev.lamina.models.ggml.GgmlType}), u64 offset in the data region</td></tr>
 * <tr><td>data region</td><td>begins at the next multiple of {@code general.alignment} (32 unless
 * given), as does each tensor in it</td></tr>
 * </table>
 *
 * <p>A text is a u64 length and so many bytes of UTF-8. Values: 0 u8, 1 i8, 2 u16, 3 i16, 4 u32, 5
 * i32, 6 f32, 7 bool (one byte), 8 text, 9 array (u32 type of elements, u64 count, the elements),
 * 10 u64, 11 i64, 12 f64. Source: the format's description in ggml's docs/gguf.md (facts only).
 *
 * <p>Stricter than the format: names are unique, tensors do not overlap, arrays hold no arrays.
 */
@NullMarked
package dev.lamina.models.gguf;

import org.jspecify.annotations.NullMarked;
