package dev.lamina.scheduler;

/** Which request is admitted first, and which is preempted first. */
public enum SchedulingPolicy {
  /** First come, first served; under memory pressure the newest gives way. */
  FCFS,
  /** Lowest {@code priority} value first, ties by arrival; under pressure the worst gives way. */
  PRIORITY
}
