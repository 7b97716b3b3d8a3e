package dev.lamina.server;

import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.BackendOptions;
import dev.lamina.spi.BackendProvider;
import dev.lamina.spi.Device;
import dev.lamina.spi.DeviceLost;
import dev.lamina.spi.ProbeResult;
import dev.lamina.spi.Queue;
import dev.lamina.spi.SpiVersion;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.ServiceLoader;
import java.util.concurrent.atomic.AtomicBoolean;

/** The CPU's backend with a device that is lost once a test says so; chosen only by name. */
public final class DyingBackend implements BackendProvider {
  static final String REASON = "submit dying:0: the device is gone";

  /** From now on every submission fails. */
  static final AtomicBoolean DEAD = new AtomicBoolean();

  private final BackendProvider alive =
      ServiceLoader.load(BackendProvider.class).stream()
          .filter(p -> p.type() != DyingBackend.class)
          .map(ServiceLoader.Provider::get)
          .filter(p -> p.id().equals("cpu-vector"))
          .findFirst()
          .orElseThrow();

  @Override
  public String id() {
    return "dying";
  }

  @Override
  public SpiVersion builtFor() {
    return alive.builtFor();
  }

  @Override
  public int preference() {
    return -1;
  }

  @Override
  public ProbeResult probe() {
    return alive.probe();
  }

  @Override
  public Backend open(BackendOptions options) throws BackendException {
    return mortal(Backend.class, alive.open(options));
  }

  /** Backends, their devices and queues, as they are until a queue submits to a dead device. */
  private static <T> T mortal(Class<T> type, T target) {
    return type.cast(
        Proxy.newProxyInstance(
            type.getClassLoader(),
            new Class<?>[] {type},
            (proxy, method, args) -> {
              if (method.getName().equals("submit") && DEAD.get()) {
                throw new DeviceLost(REASON);
              }
              try {
                Object result = method.invoke(target, args);
                return switch (result) {
                  case Device device -> mortal(Device.class, device);
                  case Queue queue -> mortal(Queue.class, queue);
                  case null, default -> result;
                };
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            }));
  }
}
