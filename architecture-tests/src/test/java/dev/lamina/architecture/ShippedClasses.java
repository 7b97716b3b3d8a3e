package dev.lamina.architecture;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.core.importer.Location;

/** The classes of the modules' jars or class folders, without tests. */
public final class ShippedClasses implements ImportOption {
  /** Made by ArchUnit. */
  public ShippedClasses() {}

  @Override
  public boolean includes(Location location) {
    return !location.contains("/test-classes/") && !location.contains("/dev/lamina/architecture/");
  }
}
