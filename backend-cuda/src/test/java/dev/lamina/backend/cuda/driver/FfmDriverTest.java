package dev.lamina.backend.cuda.driver;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What this module's own binding has beyond others: launch attributes and tensor maps. */
class FfmDriverTest {
  private final Arena arena = Arena.ofConfined();
  private StubDriver stub;
  private Driver driver;

  @BeforeEach
  void openStub() throws CudaException {
    stub = StubDriver.open();
    driver = stub.withContext();
  }

  @AfterEach
  void close() {
    arena.close();
  }

  private long function(String name) throws CudaException {
    long module =
        driver.moduleLoad(arena.allocateFrom(ValueLayout.JAVA_BYTE, StubDriver.image("")));
    return driver.moduleGetFunction(module, name);
  }

  @Test
  void launches_passTheirAttributes() throws CudaException {
    assertThat(driver.hasLaunchAttributes()).isTrue();
    LaunchConfig config = new LaunchConfig(arena, 1).grid(6, 1, 1);
    driver.launch(function("nothing"), config.pdl(true).cluster(2, 1, 1));
    assertThat(stub.lastLaunch(7)).isOne();
    assertThat(List.of(stub.lastLaunch(8), stub.lastLaunch(9), stub.lastLaunch(10)))
        .containsExactly(2, 1, 1);
    driver.launch(function("nothing"), config.pdl(false).cluster(0, 0, 0));
    assertThat(stub.lastLaunch(7)).isZero();
    assertThat(stub.lastLaunch(8)).isZero();
  }

  @Test
  void tensorMaps_passAllTwelveArguments() throws CudaException {
    MemorySegment map = arena.allocate(128, 64);
    driver.tensorMapEncodeTiled(
        map,
        new TensorMap(
            TensorMap.Element.BF16,
            0x7000_0000_1000L,
            List.of(4096L, 12_288L, 3L),
            List.of(8192L, 100_663_296L),
            List.of(64, 128, 1),
            TensorMap.Swizzle.B128));
    assertThat(map.toArray(ValueLayout.JAVA_LONG))
        .startsWith(9, 3, 0x7000_0000_1000L, 0, 3, 3, 0)
        .endsWith(4096, 12_288, 3, 64, 128, 1, 8192, 100_663_296, 0);
  }

  @Test
  void tensorMaps_needTheirSizeAndLists() {
    TensorMap tensor =
        new TensorMap(
            TensorMap.Element.F16, 16, List.of(8L), List.of(), List.of(8), TensorMap.Swizzle.NONE);
    assertThatThrownBy(() -> driver.tensorMapEncodeTiled(arena.allocate(64, 16), tensor))
        .hasMessageStartingWith("tensor map: expected 128 bytes aligned to 64, got ");
    assertThatThrownBy(() ->
            new TensorMap(
                TensorMap.Element.F32,
                16,
                List.of(8L, 8L),
                List.of(),
                List.of(8, 8),
                TensorMap.Swizzle.NONE))
        .hasMessage(
            "tensor map: expected 1 to 5 sizes, a stride less and as many box sizes, got sizes [8, 8], strides [], box [8, 8]");
  }
}
