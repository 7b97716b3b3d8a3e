package dev.lamina.backend.cpuvector.kernels;

import com.sun.management.ThreadMXBean;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Runs wanted vector kernels on small dummies until each of their {@link Trial}s is compiled, then
 * switches to them.
 *
 * <p>One daemon thread, which ends when nothing wanted is cold; a later want starts it again.
 */
public final class WarmUp {
  private static final long DELAY_NANOS = 1_000_000_000L;

  private static volatile boolean running;

  private final List<Subject> subjects;
  private final LongSupplier allocated;
  private final Set<String> begun = new HashSet<>();
  private final Map<Subject, List<Trial>> cold = new LinkedHashMap<>();
  private final List<String> hopeless = new ArrayList<>();

  /**
   * What may be warmed.
   *
   * @param name unlike that of any other
   * @param isWanted whether it is used, and not warm
   * @param trials its forms, made when it is first wanted
   * @param switchOver what to do once all of them are compiled
   */
  record Subject(
      String name, BooleanSupplier isWanted, Supplier<List<Trial>> trials, Runnable switchOver) {}

  /**
   * A warm-up for one thread.
   *
   * @param subjects what may be wanted
   * @param allocated bytes that the calling thread has allocated so far
   */
  WarmUp(List<Subject> subjects, LongSupplier allocated) {
    this.subjects = subjects;
    this.allocated = allocated;
  }

  /**
   * Whether kernels are being warmed.
   *
   * @return true from a want of a cold kernel until all wanted ones are warm
   */
  static boolean isRunning() {
    return running;
  }

  /** Warms what is wanted, in the background. */
  public static synchronized void start() {
    if (running) {
      return;
    }
    running = true;
    Thread.ofPlatform().daemon().name("lamina-cpu-warm-up").start(WarmUp::work);
  }

  private static void work() {
    try (Arena arena = Arena.ofShared()) {
      // A short answer is over by then: it gets the processors to itself.
      List<String> scalar = ofKernels(arena).run(() -> LockSupport.parkNanos(DELAY_NANOS));
      if (!scalar.isEmpty()) {
        log().log(System.Logger.Level.WARNING, stayedScalar(scalar));
      }
    } finally {
      synchronized (WarmUp.class) {
        running = false;
      }
    }
  }

  /** The warm-up of all hot kernels, for the thread that makes it. */
  static WarmUp ofKernels(Arena arena) {
    Supplier<Trials> dummies =
        new Supplier<>() {
          private @Nullable Trials made;

          @Override
          public Trials get() {
            if (made == null) {
              made = new Trials(arena);
            }
            return made;
          }
        };
    List<Subject> subjects = new ArrayList<>();
    for (HotKernel k : HotKernel.values()) {
      subjects.add(
          new Subject(k.name(), k::isWanted, () -> dummies.get().of(k), () -> k.setWarm(true)));
    }
    return new WarmUp(subjects, new AllocatedBytes());
  }

  /**
   * Warms until nothing wanted is cold.
   *
   * @param pause comes before the first trial
   * @return what C2 did not compile and so stays scalar
   */
  List<String> run(Runnable pause) {
    pause.run();
    boolean busy = true;
    while (busy) {
      busy = round();
    }
    return List.copyOf(hopeless);
  }

  /** One turn of every cold trial; returns whether there were any. */
  private boolean round() {
    for (Subject s : subjects) {
      if (s.isWanted.getAsBoolean() && begun.add(s.name)) {
        cold.put(s, s.trials.get());
      }
    }
    boolean any = !cold.isEmpty();
    Iterator<Map.Entry<Subject, List<Trial>>> each = cold.entrySet().iterator();
    while (each.hasNext()) {
      Map.Entry<Subject, List<Trial>> subject = each.next();
      boolean isCompiled = true;
      boolean isHopeless = false;
      for (Trial trial : subject.getValue()) {
        if (!trial.isCompiled()) {
          trial.round(allocated);
        }
        isCompiled &= trial.isCompiled();
        isHopeless |= trial.isHopeless();
      }
      if (isCompiled) {
        subject.getKey().switchOver.run();
        each.remove();
      } else if (isHopeless) {
        hopeless.add(subject.getKey().name);
        each.remove();
      }
    }
    return any;
  }

  /** The warning for kernels that stay scalar. */
  static String stayedScalar(List<String> kernels) {
    return "cpu-vector: the vector kernels %s still allocate after %d runs, C2 does not compile them;"
            .formatted(kernels, (long) Trial.MAX_ROUNDS * Trial.RUNS)
        + " scalar code goes on in their place, slower; start with the JVM flags of bin/lamina";
  }

  /**
   * Bytes that the calling thread has allocated; asked for later than a logger or a bean is made.
   */
  private static final class AllocatedBytes implements LongSupplier {
    @Override
    public long getAsLong() {
      return Bean.THREADS.getCurrentThreadAllocatedBytes();
    }

    /** Made by the warm-up's own thread, after its pause. */
    private static final class Bean {
      static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    }
  }

  // Made when there is something to say: the first logger of a process costs its start 35 ms.
  private static System.Logger log() {
    return System.getLogger(WarmUp.class.getName());
  }
}
