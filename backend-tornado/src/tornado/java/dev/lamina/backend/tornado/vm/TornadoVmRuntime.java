package dev.lamina.backend.tornado.vm;

import dev.lamina.backend.tornado.TornadoDevice;
import dev.lamina.backend.tornado.TornadoRuntime;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.DeviceLost;
import dev.lamina.spi.InvalidProgram;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import uk.ac.manchester.tornado.api.exceptions.TornadoInternalError;
import uk.ac.manchester.tornado.api.runtime.TornadoRuntimeProvider;

/** TornadoVM of this JVM. */
public final class TornadoVmRuntime implements TornadoRuntime {
  private static final Map<Integer, TornadoVmDevice> OPEN = new HashMap<>();

  /** Called by the service loader. */
  public TornadoVmRuntime() {}

  private static List<uk.ac.manchester.tornado.api.common.TornadoDevice> all()
      throws BackendException {
    List<uk.ac.manchester.tornado.api.common.TornadoDevice> all = new ArrayList<>();
    try {
      var runtime = TornadoRuntimeProvider.getTornadoRuntime();
      for (int b = 0; b < runtime.getNumBackends(); b++) {
        for (int d = 0; d < runtime.getBackend(b).getNumDevices(); d++) {
          all.add(runtime.getBackend(b).getDevice(d));
        }
      }
    } catch (RuntimeException | TornadoInternalError | LinkageError e) {
      throw new DeviceLost("tornado: TornadoVM does not start: " + e, e);
    }
    return all;
  }

  @Override
  public List<DeviceFacts> devices() throws BackendException {
    return all().stream()
        .map(d ->
            new DeviceFacts(
                d.getPhysicalDevice().getDeviceName(),
                d.getPlatformName(),
                d.getTornadoVMBackend().name(),
                d.getMaxGlobalMemory(),
                d.getMaxAllocMemory()))
        .toList();
  }

  @Override
  public TornadoDevice open(int ordinal, long bytes) throws BackendException {
    synchronized (OPEN) {
      TornadoVmDevice open = OPEN.get(ordinal);
      if (open == null) {
        var devices = all();
        if (ordinal < 0 || ordinal >= devices.size()) {
          throw new InvalidProgram(
              "open tornado: expected a device below %d, got %d"
                  .formatted(devices.size(), ordinal));
        }
        open = new TornadoVmDevice(devices.get(ordinal), ordinal, bytes);
        OPEN.put(ordinal, open);
      }
      return open;
    }
  }
}
