package dev.lamina.backend.vulkan;

import static org.lwjgl.system.MemoryStack.stackPush;
import static org.lwjgl.vulkan.VK10.VK_ACCESS_HOST_READ_BIT;
import static org.lwjgl.vulkan.VK10.VK_ACCESS_SHADER_READ_BIT;
import static org.lwjgl.vulkan.VK10.VK_ACCESS_SHADER_WRITE_BIT;
import static org.lwjgl.vulkan.VK10.VK_ACCESS_TRANSFER_READ_BIT;
import static org.lwjgl.vulkan.VK10.VK_ACCESS_TRANSFER_WRITE_BIT;
import static org.lwjgl.vulkan.VK10.VK_COMMAND_BUFFER_LEVEL_PRIMARY;
import static org.lwjgl.vulkan.VK10.VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
import static org.lwjgl.vulkan.VK10.VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT;
import static org.lwjgl.vulkan.VK10.VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT;
import static org.lwjgl.vulkan.VK10.VK_PIPELINE_BIND_POINT_COMPUTE;
import static org.lwjgl.vulkan.VK10.VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT;
import static org.lwjgl.vulkan.VK10.VK_PIPELINE_STAGE_HOST_BIT;
import static org.lwjgl.vulkan.VK10.VK_PIPELINE_STAGE_TRANSFER_BIT;
import static org.lwjgl.vulkan.VK10.VK_SHADER_STAGE_COMPUTE_BIT;
import static org.lwjgl.vulkan.VK10.VK_TIMEOUT;
import static org.lwjgl.vulkan.VK10.vkAllocateCommandBuffers;
import static org.lwjgl.vulkan.VK10.vkBeginCommandBuffer;
import static org.lwjgl.vulkan.VK10.vkCmdBindPipeline;
import static org.lwjgl.vulkan.VK10.vkCmdCopyBuffer;
import static org.lwjgl.vulkan.VK10.vkCmdDispatch;
import static org.lwjgl.vulkan.VK10.vkCmdFillBuffer;
import static org.lwjgl.vulkan.VK10.vkCmdPipelineBarrier;
import static org.lwjgl.vulkan.VK10.vkCmdPushConstants;
import static org.lwjgl.vulkan.VK10.vkCreateCommandPool;
import static org.lwjgl.vulkan.VK10.vkCreateSemaphore;
import static org.lwjgl.vulkan.VK10.vkDestroyCommandPool;
import static org.lwjgl.vulkan.VK10.vkDestroySemaphore;
import static org.lwjgl.vulkan.VK10.vkEndCommandBuffer;
import static org.lwjgl.vulkan.VK10.vkFreeCommandBuffers;
import static org.lwjgl.vulkan.VK10.vkGetDeviceQueue;
import static org.lwjgl.vulkan.VK10.vkQueueSubmit;
import static org.lwjgl.vulkan.VK12.VK_SEMAPHORE_TYPE_TIMELINE;
import static org.lwjgl.vulkan.VK12.vkGetSemaphoreCounterValue;
import static org.lwjgl.vulkan.VK12.vkWaitSemaphores;

import dev.lamina.backend.vulkan.DeviceMemory.Place;
import dev.lamina.backend.vulkan.DeviceMemory.Range;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.lwjgl.PointerBuffer;
import org.lwjgl.system.MemoryStack;
import org.lwjgl.system.MemoryUtil;
import org.lwjgl.vulkan.VkBufferCopy;
import org.lwjgl.vulkan.VkCommandBuffer;
import org.lwjgl.vulkan.VkCommandBufferAllocateInfo;
import org.lwjgl.vulkan.VkCommandBufferBeginInfo;
import org.lwjgl.vulkan.VkCommandPoolCreateInfo;
import org.lwjgl.vulkan.VkDevice;
import org.lwjgl.vulkan.VkMemoryBarrier;
import org.lwjgl.vulkan.VkQueue;
import org.lwjgl.vulkan.VkSemaphoreCreateInfo;
import org.lwjgl.vulkan.VkSemaphoreTypeCreateInfo;
import org.lwjgl.vulkan.VkSemaphoreWaitInfo;
import org.lwjgl.vulkan.VkSubmitInfo;
import org.lwjgl.vulkan.VkTimelineSemaphoreSubmitInfo;

/**
 * A device's one order of work: commands are recorded into a command buffer, with a barrier ahead
 * of each, and submitted when someone must see them done, or when there are many. Each submission
 * ends by raising a timeline semaphore by one.
 *
 * <p>All methods but {@link #await} and {@link #isReached} are called with the device's lock held.
 */
final class CommandStream {
  /** Command buffers in turn. */
  private static final int SLOTS = 8;

  /** Bytes that go with a command buffer: structs of launches and small uploads. */
  private static final long SLOT_BYTES = 512 << 10;

  /** Uploads up to this go with a command buffer. */
  static final long SMALL_BYTES = SLOT_BYTES / 8;

  /**
   * Commands after which a buffer is submitted, so that the device works while more is recorded.
   */
  private static final int MANY_COMMANDS = 128;

  private static final long SLICE_NANOS = 5_000_000;
  private static final int WORK =
      VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
  private static final int READS = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_TRANSFER_READ_BIT;
  private static final int SHADER = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT;
  private static final int WRITES = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;

  private final OpenedDevice opened;
  private final VkDevice device;
  private final DeviceFacts facts;
  private final DeviceMemory memory;
  private final Pipelines pipelines;
  private final VkQueue queue;
  private final long pool;
  private final long timeline;
  private final Recording[] slots = new Recording[SLOTS];
  private final VkMemoryBarrier.Buffer barrier = VkMemoryBarrier.calloc(1).sType$Default();
  private final VkBufferCopy.Buffer region = VkBufferCopy.calloc(1);
  private final ByteBuffer push = MemoryUtil.memAlloc(Pipelines.MAX_PUSH_BYTES);
  private final MemorySegment pushSegment = MemorySegment.ofBuffer(push);
  private int turn;
  private @Nullable Recording current;
  private @Nullable Recording capture;
  private long submitted;

  /** A command buffer, with the memory that its launches read their structs from. */
  final class Recording {
    private final VkCommandBuffer commands;
    private final List<Range> rooms = new ArrayList<>();

    private final boolean grows;
    private long at;
    private long pipeline;
    private int count;

    /** Whether nothing but launches came since the last barrier for all kinds. */
    private boolean onlyLaunches;

    /** The timeline's value once its last submission is done. */
    private long value;

    private Recording(boolean grows) {
      this.grows = grows;
      this.commands = newCommands();
    }

    private void begin() {
      try (MemoryStack stack = stackPush()) {
        int flags =
            grows
                ? VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT
                : VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
        VkCommandBufferBeginInfo info =
            VkCommandBufferBeginInfo.calloc(stack).sType$Default().flags(flags);
        Results.check(vkBeginCommandBuffer(commands, info), "vkBeginCommandBuffer");
      }
      at = 0;
      pipeline = 0;
      count = 0;
      onlyLaunches = false;
    }

    private void end() {
      barrier.srcAccessMask(WRITES).dstAccessMask(VK_ACCESS_HOST_READ_BIT);
      vkCmdPipelineBarrier(commands, WORK, VK_PIPELINE_STAGE_HOST_BIT, 0, barrier, null, null);
      Results.check(vkEndCommandBuffer(commands), "vkEndCommandBuffer");
    }

    private boolean hasRoom(long bytes) {
      return !rooms.isEmpty() && at + bytes <= SLOT_BYTES;
    }

    private void addRoom() {
      rooms.add(memory.take(SLOT_BYTES, Place.PARAMS, "parameters of launches"));
      at = 0;
    }

    private void free() {
      rooms.forEach(memory::give);
      vkFreeCommandBuffers(device, pool, commands);
    }
  }

  CommandStream(OpenedDevice opened, DeviceFacts facts, DeviceMemory memory, Pipelines pipelines) {
    this.opened = opened;
    this.device = opened.device();
    this.facts = facts;
    this.memory = memory;
    this.pipelines = pipelines;
    try (MemoryStack stack = stackPush()) {
      PointerBuffer handle = stack.mallocPointer(1);
      vkGetDeviceQueue(device, facts.queueFamily(), 0, handle);
      this.queue = new VkQueue(handle.get(0), device);
      VkCommandPoolCreateInfo poolInfo =
          VkCommandPoolCreateInfo.calloc(stack)
              .sType$Default()
              .flags(VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT)
              .queueFamilyIndex(facts.queueFamily());
      var made = stack.mallocLong(1);
      Results.check(vkCreateCommandPool(device, poolInfo, null, made), "vkCreateCommandPool");
      this.pool = made.get(0);
      VkSemaphoreTypeCreateInfo type =
          VkSemaphoreTypeCreateInfo.calloc(stack)
              .sType$Default()
              .semaphoreType(VK_SEMAPHORE_TYPE_TIMELINE);
      VkSemaphoreCreateInfo semaphore =
          VkSemaphoreCreateInfo.calloc(stack).sType$Default().pNext(type);
      Results.check(vkCreateSemaphore(device, semaphore, null, made), "vkCreateSemaphore");
      this.timeline = made.get(0);
    }
  }

  private VkCommandBuffer newCommands() {
    try (MemoryStack stack = stackPush()) {
      VkCommandBufferAllocateInfo info =
          VkCommandBufferAllocateInfo.calloc(stack)
              .sType$Default()
              .commandPool(pool)
              .level(VK_COMMAND_BUFFER_LEVEL_PRIMARY)
              .commandBufferCount(1);
      PointerBuffer made = stack.mallocPointer(1);
      Results.check(vkAllocateCommandBuffers(device, info, made), "vkAllocateCommandBuffers");
      return new VkCommandBuffer(made.get(0), device);
    }
  }

  /** The recording that commands go to. */
  private Recording recording() {
    opened.checkOpen();
    if (capture != null) {
      return capture;
    }
    Recording r = current;
    if (r == null) {
      r = slots[turn];
      if (r == null) {
        r = new Recording(false);
        slots[turn] = r;
      }
      await(r.value);
      r.begin();
      turn = (turn + 1) % SLOTS;
      current = r;
    }
    return r;
  }

  /** The same, with room for so many bytes beside it. */
  private Recording recording(long bytes) {
    Recording r = recording();
    if (r.hasRoom(bytes)) {
      return r;
    }
    if (!r.grows && !r.rooms.isEmpty()) {
      submit();
      r = recording();
    }
    if (!r.hasRoom(bytes)) {
      r.addRoom();
    }
    return r;
  }

  private void recorded(Recording r) {
    if (++r.count >= MANY_COMMANDS && !r.grows) {
      submit();
    }
  }

  /** Lets a launch see what came before; between launches alone that costs less. */
  private void order(Recording r) {
    if (r.onlyLaunches) {
      barrier.srcAccessMask(VK_ACCESS_SHADER_WRITE_BIT).dstAccessMask(SHADER);
      int launches = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT;
      vkCmdPipelineBarrier(r.commands, launches, launches, 0, barrier, null, null);
    } else {
      orderAll(r);
      r.onlyLaunches = true;
    }
  }

  /** Lets what comes next, of any kind, see what came before. */
  private void orderAll(Recording r) {
    barrier.srcAccessMask(WRITES).dstAccessMask(READS | WRITES);
    vkCmdPipelineBarrier(r.commands, WORK, WORK, 0, barrier, null, null);
  }

  /** The same ahead of a copy or a fill. */
  private void orderTransfer(Recording r) {
    orderAll(r);
    r.onlyLaunches = false;
  }

  /**
   * Launches a kernel.
   *
   * @param kernel of {@link Pipelines#kernel}
   * @param struct its parameters
   * @param structBytes their size
   * @param x workgroups, as y and z at least 1
   * @param sharedBytes beside what the kernel has by itself
   */
  void launch(
      int kernel, MemorySegment struct, long structBytes, long x, long y, long z, int sharedBytes) {
    boolean pushed = pipelines.pushes(kernel, structBytes);
    Recording r = pushed ? recording() : recording(aligned(structBytes));
    int head = Pipelines.PUSH_HEAD;
    push.clear().putInt(4, Math.toIntExact(x));
    if (pushed) {
      MemorySegment.copy(struct, 0, pushSegment, head, structBytes);
      push.limit(head + ((int) structBytes + 3 & -4));
    } else {
      Range room = r.rooms.getLast();
      MemorySegment.copy(struct, 0, room.visible(), r.at, structBytes);
      push.putLong(head, room.address() + r.at).limit(head + Long.BYTES);
      r.at += aligned(structBytes);
    }
    long pipeline = pipelines.pipeline(kernel, pushed, sharedBytes);
    if (pipeline != r.pipeline) {
      vkCmdBindPipeline(r.commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
      r.pipeline = pipeline;
    }
    order(r);
    for (long first = 0; first < x; first += facts.maxGroupsX()) {
      push.putInt(0, Math.toIntExact(first));
      vkCmdPushConstants(r.commands, pipelines.layout(), VK_SHADER_STAGE_COMPUTE_BIT, 0, push);
      int now = (int) Math.min(x - first, Math.min(facts.maxGroupsX(), Integer.MAX_VALUE));
      vkCmdDispatch(r.commands, now, Math.toIntExact(y), Math.toIntExact(z));
    }
    recorded(r);
  }

  private static long aligned(long bytes) {
    return bytes + 15 & -16;
  }

  /** Copies within the device's memory. */
  void copy(long from, long to, long bytes) {
    Recording r = recording();
    orderTransfer(r);
    copyRange(r, memory.rangeOf(from), from, memory.rangeOf(to), to, bytes);
    recorded(r);
  }

  private void copyRange(Recording r, Range source, long from, Range target, long to, long bytes) {
    region.srcOffset(from - source.address()).dstOffset(to - target.address()).size(bytes);
    vkCmdCopyBuffer(r.commands, source.buffer(), target.buffer(), region);
  }

  /** Repeats a word over a range whose address and size are multiples of 4. */
  void fillWords(long to, long bytes, int word) {
    Recording r = recording();
    orderTransfer(r);
    Range range = memory.rangeOf(to);
    vkCmdFillBuffer(r.commands, range.buffer(), to - range.address(), bytes, word);
    recorded(r);
  }

  /**
   * Copies from the host, at most {@link #SMALL_BYTES}.
   *
   * @param host free for other use when this returns
   * @param to device address
   */
  void uploadSmall(MemorySegment host, long to) {
    long bytes = host.byteSize();
    Recording r = recording(aligned(bytes));
    Range room = r.rooms.getLast();
    MemorySegment.copy(host, 0, room.visible(), r.at, bytes);
    orderTransfer(r);
    copyRange(r, room, room.address() + r.at, memory.rangeOf(to), to, bytes);
    r.at += aligned(bytes);
    recorded(r);
  }

  /**
   * Submits what was recorded, if anything.
   *
   * @return the timeline's value once all that was ever submitted is done
   */
  long submit() {
    Recording r = current;
    if (r != null) {
      current = null;
      r.end();
      submit(r);
    }
    return submitted;
  }

  private void submit(Recording r) {
    try (MemoryStack stack = stackPush()) {
      long next = submitted + 1;
      VkTimelineSemaphoreSubmitInfo values =
          VkTimelineSemaphoreSubmitInfo.calloc(stack)
              .sType$Default()
              .pSignalSemaphoreValues(stack.longs(next));
      VkSubmitInfo info =
          VkSubmitInfo.calloc(stack)
              .sType$Default()
              .pNext(values)
              .pCommandBuffers(stack.pointers(r.commands))
              .pSignalSemaphores(stack.longs(timeline));
      Results.check(vkQueueSubmit(queue, info, 0), "vkQueueSubmit");
      submitted = next;
      r.value = next;
    }
  }

  /**
   * Keeps what is launched while something runs.
   *
   * @param launches launches kernels
   * @return what they launched
   */
  Recording capture(Runnable launches) {
    submit();
    Recording r = new Recording(true);
    try {
      r.begin();
      capture = r;
      launches.run();
      capture = null;
      r.end();
      return r;
    } catch (RuntimeException e) {
      capture = null;
      r.free();
      throw e;
    }
  }

  /** Submits something captured once more. */
  void replay(Recording captured) {
    opened.checkOpen();
    submit();
    submit(captured);
  }

  /** Gives something captured back, once it is done. */
  void free(Recording captured) {
    await(captured.value);
    captured.free();
  }

  /** Whether commands are kept rather than run. */
  boolean isCapturing() {
    return capture != null;
  }

  /** Whether the timeline has come to a value. */
  boolean isReached(long value) {
    opened.waiting.readLock().lock();
    try (MemoryStack stack = stackPush()) {
      opened.checkOpen();
      var now = stack.mallocLong(1);
      Results.check(vkGetSemaphoreCounterValue(device, timeline, now), "run");
      return now.get(0) >= value;
    } finally {
      opened.waiting.readLock().unlock();
    }
  }

  /** Waits until the timeline has come to a value that was submitted. */
  void await(long value) {
    while (!isWithin(value)) {
      Thread.onSpinWait();
    }
  }

  private boolean isWithin(long value) {
    opened.waiting.readLock().lock();
    try (MemoryStack stack = stackPush()) {
      opened.checkOpen();
      VkSemaphoreWaitInfo info =
          VkSemaphoreWaitInfo.calloc(stack)
              .sType$Default()
              .semaphoreCount(1)
              .pSemaphores(stack.longs(timeline))
              .pValues(stack.longs(value));
      int result = vkWaitSemaphores(device, info, SLICE_NANOS);
      Results.check(result, "run");
      return result != VK_TIMEOUT;
    } finally {
      opened.waiting.readLock().unlock();
    }
  }

  /** Destroys all of it; the device is idle. */
  void close() {
    vkDestroyCommandPool(device, pool, null);
    vkDestroySemaphore(device, timeline, null);
    barrier.free();
    region.free();
    MemoryUtil.memFree(push);
  }
}
