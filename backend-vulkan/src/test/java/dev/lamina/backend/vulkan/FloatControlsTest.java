package dev.lamina.backend.vulkan;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

/** What is added to a module, and where: SPIR-V asks for an order of its instructions. */
class FloatControlsTest {
  private static final int MEMORY_MODEL = 3 << 16 | 14;
  private static final int ENTRY_POINT = 5 << 16 | 15;
  private static final int TYPE_VOID = 2 << 16 | 19;

  private static final int[] MODULE = {
    0x07230203,
    0x10500,
    0,
    10,
    0,
    2 << 16 | 17,
    1,
    MEMORY_MODEL,
    5348,
    1,
    ENTRY_POINT,
    5,
    4,
    0x6E69616D,
    0,
    TYPE_VOID,
    2
  };

  static DeviceFacts device(boolean subnormals, boolean specials, boolean even) {
    return new DeviceFacts(
        0,
        "d",
        "",
        false,
        0,
        List.of(),
        0,
        0,
        0,
        32,
        0,
        0,
        0,
        0,
        subnormals,
        specials,
        even,
        false);
  }

  @Test
  void whatADeviceOffers_isAdded_capabilitiesFirst_modesBehindTheEntryPoint() {
    assertThat(FloatControls.add(MODULE, device(false, true, true)))
        .containsExactly(
            0x07230203,
            0x10500,
            0,
            10,
            0,
            2 << 16 | 17,
            4466,
            2 << 16 | 17,
            4467,
            2 << 16 | 17,
            1,
            MEMORY_MODEL,
            5348,
            1,
            ENTRY_POINT,
            5,
            4,
            0x6E69616D,
            0,
            4 << 16 | 16,
            4,
            4461,
            32,
            4 << 16 | 16,
            4,
            4462,
            32,
            TYPE_VOID,
            2);
  }

  @Test
  void aDeviceThatOffersNothing_getsTheModuleAsItIs() {
    assertThat(FloatControls.add(MODULE, device(false, false, false))).containsExactly(MODULE);
  }
}
