package dev.lamina.backend.tornado;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.lamina.spi.BackendOptions;
import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.ProbeResult;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What a probe answers without a device, and what an open refuses. */
class StartTest {
  private static final Start RIGHT = new Start(true, "/sdk", true, "False", "-w");

  private static String absent(Start start) {
    return assertInstanceOf(ProbeResult.Absent.class, new TornadoBackendProvider(start).probe())
        .why();
  }

  private static String broken(Start start) {
    return assertInstanceOf(ProbeResult.Broken.class, new TornadoBackendProvider(start).probe())
        .why();
  }

  @Test
  void aRightStart_hasNothingToSay() {
    assertNull(RIGHT.missing());
    assertNull(RIGHT.wrong());
  }

  @Test
  void aBuildWithoutTheSdk_isAbsent() {
    assertEquals(
        "tornado: its kernels were left out of this build; set TORNADOVM_HOME to TornadoVM's SDK"
            + " and build again",
        absent(new Start(false, "/sdk", true, "False", "-w")));
  }

  @Test
  void anSdkThatIsNotNamed_isAbsent() {
    assertEquals(
        "tornado: TORNADOVM_HOME is not set; let it name the folder of TornadoVM's SDK",
        absent(new Start(true, null, false, null, null)));
  }

  @Test
  void aJvmWithoutTornadoVm_isAbsent() {
    assertEquals(
        "tornado: this JVM was started without TornadoVM's modules; name the backend to bin/lamina:"
            + " --backend tornado",
        absent(new Start(true, "/sdk", false, null, null)));
  }

  @Test
  void aJvmThatWouldGoOnInJava_isBroken() {
    assertEquals(
        "tornado: expected -Dtornado.recover.bailout=False, so that what TornadoVM can't compile is"
            + " an error, got null",
        broken(new Start(true, "/sdk", true, null, "-w")));
  }

  @Test
  void fastMath_isBroken() {
    assertEquals(
        "tornado: expected -Dtornado.opencl.compiler.flags without fast math, got TornadoVM's own,"
            + " which have it",
        broken(new Start(true, "/sdk", true, "False", null)));
    assertEquals(
        "tornado: expected -Dtornado.opencl.compiler.flags without fast math, got"
            + " -cl-fast-relaxed-math",
        broken(new Start(true, "/sdk", true, "False", "-cl-fast-relaxed-math")));
  }

  @Test
  void openSaysTheSame() {
    TornadoBackendProvider provider =
        new TornadoBackendProvider(new Start(true, null, false, null, null));
    assertEquals(
        "open tornado: TORNADOVM_HOME is not set; let it name the folder of TornadoVM's SDK",
        assertThrows(InvalidProgram.class, () -> provider.open(BackendOptions.DEFAULT))
            .getMessage());
    assertEquals(
        "open tornado: expected no properties, got [fast]",
        assertThrows(
                InvalidProgram.class,
                () -> provider.open(new BackendOptions(0, Map.of("fast", "yes"))))
            .getMessage());
  }
}
