/**
 * The safetensors format, single files and sharded sets, read through a memory mapping and written
 * as a stream. Entry types: {@link dev.lamina.models.safetensors.SafetensorsCheckpoint} and {@link
 * dev.lamina.models.safetensors.SafetensorsWriter}.
 *
 * <h2>Byte layout of a file</h2>
 *
 * <table>
 * <caption>all numbers little-endian</caption>
 * <tr><th>bytes</th><th>content</th></tr>
 * <tr><td>0..7</td><td>unsigned 64-bit N, length of the header, at most 100,000,000</td></tr>
 * <tr><td>8..8+N-1</td><td>a JSON object in UTF-8, padded with spaces</td></tr>
 * <tr><td>8+N..</td><td>the data region: the tensors back to back, row-major</td></tr>
 * </table>
 *
 * <p>The header maps each tensor's name to {@code {"dtype":"BF16","shape":[2,3],
 * "data_offsets":[begin,end]}} with offsets in bytes from the start of the data region. The key
 * {@code __metadata__} holds a map of strings. Sorted by begin, the tensors tile the data region:
 * no gap, no overlap, nothing after the last one, and {@code end - begin} is the product of the
 * shape times the size of the dtype.
 *
 * <p>A sharded set is several such files and {@code model.safetensors.index.json}, whose {@code
 * weight_map} maps each tensor's name to the file that holds it.
 *
 * <p>Stricter than the format: each tensor begins at a multiple of its element size within the data
 * region, since kernels read whole elements. The data region itself may begin anywhere: headers
 * were once written without padding.
 */
@NullMarked
package dev.lamina.models.safetensors;

import org.jspecify.annotations.NullMarked;
