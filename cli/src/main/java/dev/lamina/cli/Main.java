package dev.lamina.cli;

import dev.lamina.LaminaException;
import dev.lamina.chat.InvalidMessagesException;
import dev.lamina.chat.TokenizerException;
import dev.lamina.chat.UnsupportedTemplateException;
import dev.lamina.scheduler.CapacityExceededException;
import dev.lamina.scheduler.InvalidRequestException;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;

/** The {@code lamina} command. Exit codes: 0 ok, 1 the work failed, 2 wrong usage. */
@Command(
    name = "lamina",
    description = "Runs language models on whatever chip is there.",
    synopsisSubcommandLabel = "COMMAND")
public final class Main implements Runnable {
  static final int OK = 0;
  static final int FAILED = 1;
  static final int USAGE = 2;

  private static final List<Class<?>> COMMANDS =
      List.of(
          RunCommand.class,
          ServeCommand.class,
          BackendsCommand.class,
          InspectCommand.class,
          ScoreCommand.class,
          GenerateCommand.class,
          TokenizeCommand.class,
          DetokenizeCommand.class,
          BenchCommand.class,
          ConformanceCommand.class,
          ConvertCommand.class,
          NotBuilt.Render.class,
          NotBuilt.Parse.class,
          NotBuilt.BenchServe.class,
          PullCommand.class);

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      scope = ScopeType.INHERIT,
      description = "Prints this help.")
  private boolean help;

  @Option(
      names = "--debug",
      scope = ScopeType.INHERIT,
      description = "Prints stack traces of errors.")
  private boolean debug;

  private Main() {}

  /** Runs the command and exits with its code. */
  public static void main(String[] args) {
    System.setOut(Stdout.printingTo(new FileOutputStream(FileDescriptor.out)));
    System.setErr(new PrintStream(System.err, true, StandardCharsets.UTF_8));
    int code = run(args);
    System.err.flush();
    System.exit(code);
  }

  /** Runs the command in this process. */
  static int run(String... args) {
    CommandLine command = commandLine(args);
    Main main = command.getCommand();
    command
        .setParameterExceptionHandler((e, a) -> main.report(USAGE, e))
        .setExecutionExceptionHandler((e, line, result) -> main.report(codeOf(e), e));
    // The parser would print the trace of a failure to print its help.
    StringWriter help = new StringWriter();
    command.setOut(new PrintWriter(help));
    try {
      int code = command.execute(args);
      System.out.print(help);
      System.out.flush();
      return code;
    } catch (Stdout.Failure e) {
      return main.report(FAILED, e);
    }
  }

  /** What parses these arguments. */
  static CommandLine commandLine(String... args) {
    CommandLine command = new CommandLine(new Main());
    commandsFor(args).forEach(command::addSubcommand);
    return command.setCaseInsensitiveEnumValuesAllowed(true);
  }

  /** The command that the first argument names, else all: each costs a start some milliseconds. */
  private static List<Class<?>> commandsFor(String[] args) {
    for (Class<?> command : COMMANDS) {
      if (args.length > 0 && command.getAnnotation(Command.class).name().equals(args[0])) {
        return List.of(command);
      }
    }
    return COMMANDS;
  }

  @Override
  public void run() {
    throw new UsageException("a command is missing; `lamina --help` lists them");
  }

  private static int codeOf(Exception e) {
    return e instanceof UsageException ? USAGE : FAILED;
  }

  private int report(int code, Exception e) {
    if (e instanceof Stdout.Failure failure && failure.readerGone() && !debug) {
      return code;
    }
    System.err.println("error: " + line(e));
    if (debug) {
      e.printStackTrace(System.err);
    }
    return code;
  }

  /** One line for an error; what is not one of ours keeps its type's name. */
  static String line(Throwable e) {
    String message = e.getMessage() == null ? "" : e.getMessage().replaceAll("\\s*\\R\\s*", " ");
    return switch (e) {
      case UsageException x -> message;
      case LaminaException x -> message;
      case InvalidRequestException x -> message;
      case InvalidMessagesException x -> message;
      case UnsupportedTemplateException x -> message;
      case TokenizerException x -> message;
      case CapacityExceededException x -> message;
      case CommandLine.ParameterException x -> message;
      case Stdout.Failure x -> message;
      case IllegalArgumentException x -> message;
      default -> e.getClass().getSimpleName() + ": " + message + " (--debug prints where)";
    };
  }
}
