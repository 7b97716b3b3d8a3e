package dev.lamina.backend.vulkan;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/** What a SPIR-V module says of itself: SPIR-V specification 1.5, 2.3 and 3. */
final class SpirvModule {
  private static final int HEADER_WORDS = 5;
  private static final int LOCAL_SIZE = 17;
  private static final int WORKGROUP = 4;

  private final int[] words;
  private final Set<Integer> capabilities = new HashSet<>();
  private final Map<Integer, Integer> bytesOfTypes = new HashMap<>();
  private final Map<Integer, Integer> pointees = new HashMap<>();
  private final Map<Integer, Integer> constants = new HashMap<>();
  private final Set<Integer> launchConstants = new HashSet<>();
  private boolean hasLaunchSize;
  private int sharedBytes;
  private int threads;

  private SpirvModule(int[] words) {
    this.words = words;
    for (int at = HEADER_WORDS; at < words.length; at += words[at] >>> 16) {
      take(at);
    }
  }

  /** All kernels of the jar. */
  static List<Path> files() throws IOException {
    try {
      Path one = Path.of(SpirvModule.class.getResource("spv/move.fill.spv").toURI());
      try (Stream<Path> files = Files.list(one.getParent())) {
        return files.sorted().toList();
      }
    } catch (URISyntaxException e) {
      throw new IOException(e);
    }
  }

  static SpirvModule read(Path file) throws IOException {
    return new SpirvModule(words(file));
  }

  static int[] words(Path file) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    int[] words = new int[bytes.length / 4];
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asIntBuffer().get(words);
    return words;
  }

  private void take(int at) {
    int a = words[at] >>> 16 > 1 ? words[at + 1] : 0;
    switch (words[at] & 0xFFFF) {
      case 17 -> capabilities.add(a); // OpCapability
      case 16 -> { // OpExecutionMode
        if (words[at + 2] == LOCAL_SIZE) {
          threads = words[at + 3] * words[at + 4] * words[at + 5];
        }
      }
      case 21, 22 -> bytesOfTypes.put(a, words[at + 2] / 8); // OpTypeInt, OpTypeFloat
      case 23 -> putMany(a, words[at + 2], words[at + 3]); // OpTypeVector
      case 28 -> { // OpTypeArray
        hasLaunchSize |= launchConstants.contains(words[at + 3]);
        putMany(a, words[at + 2], constants.getOrDefault(words[at + 3], 0));
      }
      case 32 -> pointees.put(a, words[at + 3]); // OpTypePointer
      case 43 -> constants.put(words[at + 2], words[at + 3]); // OpConstant
      case 50 -> { // OpSpecConstant
        launchConstants.add(words[at + 2]);
        constants.put(words[at + 2], 0);
      }
      case 59 -> { // OpVariable
        if (words[at + 3] == WORKGROUP) {
          sharedBytes += bytesOfTypes.get(pointees.get(a));
        }
      }
      default -> {}
    }
  }

  private void putMany(int type, int element, int count) {
    if (bytesOfTypes.containsKey(element)) {
      bytesOfTypes.put(type, bytesOfTypes.get(element) * count);
    }
  }

  Set<Integer> capabilities() {
    return capabilities;
  }

  /** Threads of a workgroup. */
  int threads() {
    return threads;
  }

  /** Whether a launch says how much shared memory there is beside {@link #sharedBytes}. */
  boolean hasLaunchSize() {
    return hasLaunchSize;
  }

  /** Shared memory of a workgroup. */
  int sharedBytes() {
    return sharedBytes;
  }
}
