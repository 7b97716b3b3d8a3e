/** TornadoVM itself: its devices, their memory, and how kernels are compiled and launched. */
@NullMarked
package dev.lamina.backend.tornado.vm;

import org.jspecify.annotations.NullMarked;
