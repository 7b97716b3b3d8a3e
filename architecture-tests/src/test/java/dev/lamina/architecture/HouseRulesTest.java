package dev.lamina.architecture;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.GeneralCodingRules.ACCESS_STANDARD_STREAMS;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaPackage;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import java.lang.invoke.MethodHandle;
import java.util.List;
import java.util.TreeSet;
import org.jspecify.annotations.NullMarked;

/** What the compiler does not hold. */
@AnalyzeClasses(packages = "dev.lamina", importOptions = ShippedClasses.class)
class HouseRulesTest {
  /** What a tool wrote, such as jextract. */
  private static final String GENERATED = "dev.lamina..generated";

  private static final List<String> NOISE =
      List.of("Manager", "Helper", "Helpers", "Util", "Utils", "Impl");

  @ArchTest
  static final ArchRule onlyTheCommandLinePrints =
      noClasses()
          .that()
          .resideOutsideOfPackages("dev.lamina.cli..", GENERATED)
          .should(ACCESS_STANDARD_STREAMS);

  @ArchTest
  static final ArchRule onlyNativeClassesTouchMethodHandles =
      noClasses()
          .that()
          .haveSimpleNameNotEndingWith("Native")
          .and()
          .resideOutsideOfPackage(GENERATED)
          .should()
          .dependOnClassesThat()
          .areAssignableTo(MethodHandle.class);

  @ArchTest
  static final ArchRule theEngineLoopUsesNoStreams =
      noClasses()
          .that()
          .resideInAPackage("dev.lamina.scheduler")
          .should()
          .dependOnClassesThat(resideInAPackage("java.util.stream.."));

  @ArchTest
  static final ArchRule librariesLogThroughThePlatform =
      noClasses().should().dependOnClassesThat().haveFullyQualifiedName("java.util.logging.Logger");

  @ArchTest
  static void everyPackage_isNullMarked(JavaClasses classes) {
    TreeSet<String> unmarked = new TreeSet<>();
    for (JavaClass type : classes) {
      JavaPackage home = type.getPackage();
      boolean marked =
          home.tryGetPackageInfo()
              .map(info -> info.isAnnotatedWith(NullMarked.class))
              .orElse(false);
      if (!marked) {
        unmarked.add(home.getName());
      }
    }
    assertThat(unmarked).isEmpty();
  }

  @ArchTest
  static void noName_endsInNoise(JavaClasses classes) {
    TreeSet<String> noisy = new TreeSet<>();
    for (JavaClass type : classes) {
      for (String noise : NOISE) {
        // The block manager keeps the name that the field gives it.
        if (type.getSimpleName().endsWith(noise) && !type.getSimpleName().equals("BlockManager")) {
          noisy.add(type.getName());
        }
      }
    }
    assertThat(noisy).isEmpty();
  }
}
