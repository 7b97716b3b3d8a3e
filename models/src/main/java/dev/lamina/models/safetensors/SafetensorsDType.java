package dev.lamina.models.safetensors;

import dev.lamina.spi.ir.DType;
import org.jspecify.annotations.Nullable;

/** The format's names of element types. */
final class SafetensorsDType {
  /** The names that can be read, for messages. */
  static final String READABLE =
      "F32, F16, BF16, F8_E4M3, F8_E5M2, I64, I32, I16, I8, U32, U16, U8 or BOOL";

  private SafetensorsDType() {}

  /** The element type of a name, null for one that the IR has no type for (F64, U64, F4, ...). */
  static @Nullable DType parse(String name) {
    return switch (name) {
      case "F32" -> DType.F32;
      case "F16" -> DType.F16;
      case "BF16" -> DType.BF16;
      case "F8_E4M3" -> DType.F8E4M3;
      case "F8_E5M2" -> DType.F8E5M2;
      case "I64" -> DType.I64;
      case "I32" -> DType.I32;
      case "I16" -> DType.I16;
      case "I8" -> DType.I8;
      case "U32" -> DType.U32;
      case "U16" -> DType.U16;
      case "U8" -> DType.U8;
      case "BOOL" -> DType.BOOL;
      default -> null;
    };
  }

  static String name(DType dtype) {
    return switch (dtype) {
      case F8E4M3 -> "F8_E4M3";
      case F8E5M2 -> "F8_E5M2";
      case F32, F16, BF16, I64, I32, I16, I8, U32, U16, U8, BOOL -> dtype.name();
    };
  }
}
