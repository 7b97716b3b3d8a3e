package dev.lamina.architecture;

import com.tngtech.archunit.core.domain.JavaClass;
import java.util.List;

/** The modules that ship, the packages that each owns, and the modules that each may know. */
enum Room {
  SPI("dev.lamina.spi", 60),
  BACKEND_SDK("dev.lamina.backend.sdk", 60, SPI),
  BACKEND_REFERENCE("dev.lamina.backend.reference", 10, SPI, BACKEND_SDK),
  BACKEND_CPU_VECTOR("dev.lamina.backend.cpuvector", 45, SPI, BACKEND_SDK),
  BACKEND_CUDA("dev.lamina.backend.cuda", 10, SPI, BACKEND_SDK),
  BACKEND_CUDA_JCUDA("dev.lamina.backend.jcuda", 3, BACKEND_CUDA),
  BACKEND_OPENCL("dev.lamina.backend.opencl", 10, SPI, BACKEND_SDK),
  BACKEND_ROCM("dev.lamina.backend.rocm", 20, SPI, BACKEND_SDK),
  BACKEND_VULKAN("dev.lamina.backend.vulkan", 10, SPI, BACKEND_SDK),
  BACKEND_TORNADO("dev.lamina.backend.tornado", 8, SPI, BACKEND_SDK),
  JSON("dev.lamina.json", 1),
  MODELS("dev.lamina.models", 45, SPI, JSON),
  CHAT("dev.lamina.chat", 35, JSON),
  SCHEDULER("dev.lamina.scheduler", 40, SPI),
  LAMINA("dev.lamina", 18, SPI, MODELS, CHAT, SCHEDULER, JSON),
  SERVER("dev.lamina.server", 20, LAMINA, MODELS, CHAT, SCHEDULER, JSON),
  CONFORMANCE("dev.lamina.conformance", 60, SPI),
  CLI("dev.lamina.cli", 20, LAMINA, SERVER, CONFORMANCE, SPI, MODELS, CHAT, SCHEDULER, JSON);

  final String rootPackage;

  /** Fewer classes than this mean that the rules looked at nothing. */
  final int minNumClasses;

  private final List<Room> known;

  Room(String rootPackage, int minNumClasses, Room... known) {
    this.rootPackage = rootPackage;
    this.minNumClasses = minNumClasses;
    this.known = List.of(known);
  }

  boolean mayKnow(Room other) {
    return other == this || known.contains(other);
  }

  /**
   * Whether a class lives here; the package {@code dev.lamina} alone is a room without corridors.
   */
  boolean owns(JavaClass type) {
    String name = type.getPackageName();
    return name.equals(rootPackage) || (this != LAMINA && name.startsWith(rootPackage + "."));
  }

  /** The room whose package, and so module, has this name. */
  static Room ofModule(String name) {
    for (Room room : values()) {
      if (room.rootPackage.equals(name)) {
        return room;
      }
    }
    throw new AssertionError("module " + name + " has no room; add it to Room");
  }
}
