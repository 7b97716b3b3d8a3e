package dev.lamina.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.lang.module.ModuleDescriptor;
import java.net.URI;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** Module descriptors hold the arrows, and say of services what the class path's files say. */
class ServicesTest {
  private record Descriptor(ModuleDescriptor module, String root) {}

  @Test
  void descriptors_requireOnlyTheRoomsTheyMay() throws IOException {
    List<String> wrong = new ArrayList<>();
    List<Descriptor> descriptors = descriptors();
    for (Descriptor descriptor : descriptors) {
      Room from = Room.ofModule(descriptor.module().name());
      for (ModuleDescriptor.Requires requires : descriptor.module().requires()) {
        if (requires.name().startsWith("dev.lamina")
            && !from.mayKnow(Room.ofModule(requires.name()))) {
          wrong.add(from + " requires " + requires.name());
        }
      }
    }
    assertThat(descriptors).as("modules with a descriptor").hasSizeGreaterThanOrEqualTo(9);
    assertThat(wrong).isEmpty();
  }

  @Test
  void spi_requiresTheJdkAlone() throws IOException {
    for (Descriptor descriptor : descriptors()) {
      if (descriptor.module().name().equals(Room.SPI.rootPackage)) {
        for (ModuleDescriptor.Requires requires : descriptor.module().requires()) {
          assertThat(requires.name()).isIn("java.base", "org.jspecify");
        }
        return;
      }
    }
    throw new AssertionError("no descriptor of " + Room.SPI.rootPackage);
  }

  @Test
  void providers_areTheSameOnModulePathAndClassPath() throws IOException {
    int services = 0;
    for (Descriptor descriptor : descriptors()) {
      for (ModuleDescriptor.Provides provides : descriptor.module().provides()) {
        services++;
        URI file = URI.create(descriptor.root() + "META-INF/services/" + provides.service());
        assertThat(new TreeSet<>(names(file.toURL())))
            .as("%s of %s", file, descriptor.module().name())
            .isEqualTo(new TreeSet<>(provides.providers()));
      }
    }
    assertThat(services).as("provided services").isGreaterThanOrEqualTo(3);
  }

  private static List<Descriptor> descriptors() throws IOException {
    List<Descriptor> descriptors = new ArrayList<>();
    String file = "module-info.class";
    ClassLoader loader = ServicesTest.class.getClassLoader();
    for (URL url : Collections.list(loader.getResources(file))) {
      try (InputStream in = url.openStream()) {
        ModuleDescriptor module = ModuleDescriptor.read(in);
        if (module.name().startsWith("dev.lamina")) {
          String text = url.toString();
          descriptors.add(new Descriptor(module, text.substring(0, text.length() - file.length())));
        }
      }
    }
    return descriptors;
  }

  private static List<String> names(URL services) throws IOException {
    try (InputStream in = services.openStream()) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8)
          .lines()
          .map(line -> line.replaceFirst("#.*", "").strip())
          .filter(line -> !line.isEmpty())
          .toList();
    }
  }
}
