package dev.lamina.architecture;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.simpleName;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.library.dependencies.SlicesRuleDefinition;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;

/** Which module may know which. */
@AnalyzeClasses(packages = "dev.lamina", importOptions = ShippedClasses.class)
class ArrowsTest {
  @ArchTest
  static void everyRoom_wasReallyScanned(JavaClasses classes) {
    for (Room room : Room.values()) {
      long scanned = classes.stream().filter(room::owns).count();
      assertThat(scanned).as("classes of %s", room).isGreaterThanOrEqualTo(room.minNumClasses);
    }
  }

  @ArchTest
  static void everyClass_livesInOneRoom(JavaClasses classes) {
    List<String> homeless = new ArrayList<>();
    for (JavaClass type : classes) {
      if (roomsOf(type).size() != 1) {
        homeless.add(type.getName() + " in " + roomsOf(type));
      }
    }
    assertThat(homeless).isEmpty();
  }

  @ArchTest
  static void aRoom_knowsOnlyTheRoomsItMay(JavaClasses classes) {
    TreeSet<String> wrong = new TreeSet<>();
    for (JavaClass type : classes) {
      Room from = roomsOf(type).getFirst();
      for (Dependency dependency : type.getDirectDependenciesFromSelf()) {
        for (Room to : roomsOf(dependency.getTargetClass())) {
          if (!from.mayKnow(to)) {
            wrong.add("%s -> %s: %s".formatted(from, to, dependency.getDescription()));
          }
        }
      }
    }
    assertThat(wrong).isEmpty();
  }

  @ArchTest
  static void packages_haveNoCycles(JavaClasses classes) {
    // The kit's door opens into the rooms behind it, which speak its words.
    SlicesRuleDefinition.slices()
        .matching("dev.lamina.(**)")
        .should()
        .beFreeOfCycles()
        .ignoreDependency(
            simpleName("CaseCatalog"), resideInAPackage("dev.lamina.conformance.cases"))
        .ignoreDependency(simpleName("Report"), resideInAPackage("dev.lamina.conformance.report"))
        .check(classes);
  }

  private static List<Room> roomsOf(JavaClass type) {
    List<Room> rooms = new ArrayList<>();
    for (Room room : Room.values()) {
      if (room.owns(type)) {
        rooms.add(room);
      }
    }
    return rooms;
  }
}
