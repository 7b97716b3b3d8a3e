package dev.lamina.backend.sdk;

import dev.lamina.spi.Command;
import dev.lamina.spi.Recording;
import java.util.List;

/** Commands kept to be run again one by one. */
final class HostRecording extends Resource implements Recording {
  private final HostDevice device;
  private final List<Command> commands;

  HostRecording(HostDevice device, List<Command> commands) {
    super(device.ledger(), "recording of " + commands.size() + " commands");
    this.device = device;
    this.commands = List.copyOf(commands);
  }

  HostDevice device() {
    return device;
  }

  List<Command> commands() {
    return commands;
  }

  @Override
  void free() {}
}
