package dev.lamina.backend.vulkan;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Tells a SPIR-V module how F32 is to be computed, as far as a device lets itself be told: shaders
 * in GLSL can't say it, and what a device does not offer must not be in its modules. SPIR-V
 * specification 1.5, 2.3 (physical layout), 3.6 (execution modes).
 */
final class FloatControls {
  private static final int HEADER_WORDS = 5;
  private static final int OP_ENTRY_POINT = 15;
  private static final int OP_EXECUTION_MODE = 16;
  private static final int OP_CAPABILITY = 17;
  private static final int OPCODE = 0xFFFF;

  /** Each as a capability and the execution mode that it allows. */
  private enum Control {
    DENORM_PRESERVE(4464, 4459),
    SIGNED_ZERO_INF_NAN_PRESERVE(4466, 4461),
    ROUNDING_MODE_RTE(4467, 4462);

    final int capability;
    final int mode;

    Control(int capability, int mode) {
      this.capability = capability;
      this.mode = mode;
    }
  }

  private FloatControls() {}

  /**
   * Adds what a device offers.
   *
   * @param module a whole module with one entry point
   * @param device decides which
   * @return the module with them
   */
  static int[] add(int[] module, DeviceFacts device) {
    List<Control> controls = new ArrayList<>();
    if (device.keepsSubnormals()) {
      controls.add(Control.DENORM_PRESERVE);
    }
    if (device.keepsSpecials()) {
      controls.add(Control.SIGNED_ZERO_INF_NAN_PRESERVE);
    }
    if (device.roundsToEven()) {
      controls.add(Control.ROUNDING_MODE_RTE);
    }
    return add(module, controls);
  }

  private static int[] add(int[] module, List<Control> controls) {
    int entry = HEADER_WORDS;
    while ((module[entry] & OPCODE) != OP_ENTRY_POINT) {
      entry += module[entry] >>> 16;
    }
    int afterEntry = entry + (module[entry] >>> 16);
    int function = module[entry + 2];
    int[] out = new int[module.length + 6 * controls.size()];
    System.arraycopy(module, 0, out, 0, HEADER_WORDS);
    int at = HEADER_WORDS;
    for (Control c : controls) {
      out[at++] = 2 << 16 | OP_CAPABILITY;
      out[at++] = c.capability;
    }
    int[] head = Arrays.copyOfRange(module, HEADER_WORDS, afterEntry);
    System.arraycopy(head, 0, out, at, head.length);
    at += head.length;
    for (Control c : controls) {
      out[at++] = 4 << 16 | OP_EXECUTION_MODE;
      out[at++] = function;
      out[at++] = c.mode;
      out[at++] = 32;
    }
    System.arraycopy(module, afterEntry, out, at, module.length - afterEntry);
    return out;
  }
}
