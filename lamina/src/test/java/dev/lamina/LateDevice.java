package dev.lamina;

import dev.lamina.spi.BackendException;
import dev.lamina.spi.Cap;
import dev.lamina.spi.Device;
import dev.lamina.spi.DeviceInfo;
import dev.lamina.spi.Timeline;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.locks.LockSupport;

/**
 * A device of the host that runs commands when they are submitted, seen as one that goes on
 * afterwards: whoever awaits a value gets it late, when a step behind it may have run, too.
 */
final class LateDevice {
  private LateDevice() {}

  /** The device as the engine sees it. */
  static Device of(Device device, long seed) {
    Random random = new Random(seed);
    Class<?>[] types = {Device.class};
    return (Device)
        Proxy.newProxyInstance(
            Device.class.getClassLoader(),
            types,
            (proxy, method, args) -> {
              try {
                Object result = method.invoke(device, args);
                return switch (method.getName()) {
                  case "info" -> takingAtSubmit((DeviceInfo) result);
                  case "newTimeline" -> new LateTimeline((Timeline) result, random);
                  default -> result;
                };
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  private static DeviceInfo takingAtSubmit(DeviceInfo info) {
    Set<Cap> caps = EnumSet.copyOf(info.caps());
    caps.remove(Cap.SYNCHRONOUS);
    caps.add(Cap.TAKEN_AT_SUBMIT);
    return new DeviceInfo(
        info.ordinal(),
        info.name(),
        info.arch(),
        info.memory(),
        info.limits(),
        info.dtypes(),
        caps,
        info.peak());
  }

  private record LateTimeline(Timeline real, Random random) implements Timeline {
    @Override
    public void await(long value, Duration timeout) throws BackendException {
      LockSupport.parkNanos(random.nextInt(200_000));
      real.await(value, timeout);
    }

    @Override
    public long value() {
      return real.value();
    }

    @Override
    public void signal(long value) {
      real.signal(value);
    }

    @Override
    public void fail(BackendException error) {
      real.fail(error);
    }

    @Override
    public CompletionStage<Void> whenReached(long value) {
      return real.whenReached(value);
    }

    @Override
    public Optional<BackendException> failure() {
      return real.failure();
    }

    @Override
    public void close() {
      real.close();
    }
  }
}
