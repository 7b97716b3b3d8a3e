package dev.lamina.backend.cuda.driver;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Which binding is taken. */
class BindingsTest {
  private record Named(String name) implements DriverBinding {
    @Override
    public Optional<Driver> open() throws CudaException {
      throw CudaException.unsupported(name, name + " was opened");
    }
  }

  private static final List<DriverBinding> OTHERS = List.of(new Named("one"), new Named("two"));

  @Test
  void theNamedOne_isOpenedAlone() {
    assertThatThrownBy(() -> Bindings.open("two", OTHERS)).hasMessage("two was opened");
  }

  @Test
  void anUnknownOne_isToldWithThoseThatAreThere() {
    assertThatThrownBy(() -> Bindings.open("three", OTHERS))
        .isInstanceOfSatisfying(
            CudaException.class,
            e -> assertThat(e.kind()).isEqualTo(CudaException.Kind.UNSUPPORTED))
        .hasMessage(
            "lamina.cuda.binding: expected one of ffm, one, two, got 'three'; put the binding's jars on the class path (LAMINA_BACKENDS), or leave the setting out");
  }

  @Test
  void thatLine_isTheProbesAnswer() {
    System.setProperty("lamina.cuda.binding", "three");
    try {
      assertThat(Probe.run())
          .isInstanceOfSatisfying(
              Probe.Broken.class,
              broken ->
                  assertThat(broken.why())
                      .startsWith("cuda: lamina.cuda.binding: expected one of ffm, got 'three'; "));
    } finally {
      System.clearProperty("lamina.cuda.binding");
    }
  }
}
