/** What can be asked of a host, and how it is compared: the names alone, for who builds no schemas (`plan.ts` does). */
export const factNames = [
  "name",
  "os",
  "kernel",
  "arch",
  "cpu",
  "memory",
  "disk",
  "load",
  "cpus",
  "uptime",
  "virtualization"
] as const
export const comparisons = ["=", "!=", ">", ">=", "<", "<=", "~"] as const
