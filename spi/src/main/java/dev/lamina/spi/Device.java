package dev.lamina.spi;

import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.StateSpec;
import java.lang.foreign.MemorySegment;

/** An open device. Thread-safe. */
public interface Device extends AutoCloseable {
  /**
   * What is known of this device.
   *
   * @return the same value as in {@link Backend#devices()}, memory figures taken now
   */
  DeviceInfo info();

  /**
   * How this device would run an op; binding for the whole range of the spec's symbols.
   *
   * @param op the op with its operand and result types
   * @return native, decomposed or never
   */
  Support supports(OpSpec op);

  /**
   * Chooses how a pool of this kind is laid out.
   *
   * @param spec what the pool holds
   * @return layout and its cost
   */
  StateLayout chooseStateLayout(StateSpec spec);

  /**
   * Allocates a pool, zero-filled.
   *
   * @param layout as {@link #chooseStateLayout} gave it
   * @param numSlots slots, a multiple of the spec's page
   * @return a pool the caller closes
   * @throws OutOfDeviceMemory if it does not fit; the device stays usable
   * @throws BackendException on other failures
   */
  State allocateState(StateLayout layout, long numSlots) throws BackendException;

  /**
   * Makes a weight of bytes that stay valid and unchanged until the weight is closed.
   *
   * <p>May share the bytes, copy or repack them; {@link Weight#layout()} says which.
   *
   * @param spec name, type as it lies in memory, and uses
   * @param data the bytes; any alignment
   * @return a weight the caller closes
   * @throws OutOfDeviceMemory if it does not fit; the device stays usable
   * @throws BackendException on other failures
   */
  Weight loadWeight(WeightSpec spec, MemorySegment data) throws BackendException;

  /**
   * Allocates a buffer of unspecified content.
   *
   * @param bytes size, at least 0
   * @param kind where
   * @return a buffer the caller closes
   * @throws OutOfDeviceMemory if it does not fit; the device stays usable
   * @throws BackendException on other failures
   */
  Buffer allocate(long bytes, MemoryKind kind) throws BackendException;

  /**
   * Makes host memory usable as a buffer; may copy, and says so by {@link Buffer#kind()}.
   *
   * @param segment native memory that outlives the buffer
   * @return a buffer the caller closes
   * @throws BackendException on failure
   */
  Buffer wrapHost(MemorySegment segment) throws BackendException;

  /**
   * Makes a queue.
   *
   * @return a queue the caller closes
   * @throws BackendException on failure
   */
  Queue newQueue() throws BackendException;

  /**
   * Makes a timeline.
   *
   * @param initial its first value
   * @return a timeline the caller closes
   * @throws BackendException on failure
   */
  Timeline newTimeline(long initial) throws BackendException;

  /**
   * Compiles a graph.
   *
   * @param graph any graph of core ops and composites
   * @param options decomposition, guarantees, checks
   * @return an executable the caller closes
   * @throws Unsupported if an op can't be run as asked; never for a spec answered {@link
   *     Support.Native}
   * @throws InvalidProgram if the graph breaks a rule only this device has
   * @throws BackendException on other failures
   */
  Executable compile(Graph graph, CompileOptions options) throws BackendException;

  /**
   * Counts of live objects and work, for leak checks.
   *
   * @return a snapshot
   */
  DeviceStats stats();

  @Override
  void close();
}
