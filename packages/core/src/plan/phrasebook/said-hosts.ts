/** The phrases about what hosts tell and do: logs, usage, processes, the machine itself. */
import { logs, os, show, type Row } from "./phrase.ts"

export const hosts: ReadonlyArray<Row> = [
  [
    "log.query",
    [
      `${logs} {unit} (log|logs|journal) {since?}`,
      `${logs} [the] (log|logs|journal) (of|for|from) {unit} {since?}`,
      `${logs} [the] (last|latest|newest) {lines:number} [lines|log lines|entries|log entries|messages] (of|from|for|in) {unit} [log|logs|journal]`,
      `${logs} [the] (last|latest|newest) {lines:number} (lines|log lines|entries|log entries|messages) (of|from) the (log|logs|journal) (of|for) {unit}`,
      "journalctl -u {unit} -n {lines:number}",
      `${logs} [all] [the] {level} (of|from|in|for) {unit} [log|logs] {since?}`,
      `${logs} [all] [the] {unit} {level} {since?}`,
      `${logs} [all] [the] {level} in the (log|logs|journal) (of|for) {unit} {since?}`,
      `${logs} [all] [the] {level} in [the] [system] (log|logs|journal) {since?}`,
      `${logs} [all] [the] {level} {since}`,
      `${logs} [the] [recent|latest] [system] {level}`,
      `${logs} [the] [system] (log|logs|journal) {since?}`,
      `${logs} [the] (last|latest|newest) {lines:number} (lines|log lines|entries) (of|from) [the] [system] (log|logs|journal)`,
      `(search|grep|look|find) [for] {text} in [the] [system] (log|logs|journal) {since?}`,
      `(search|grep|look|find) [for] {text} in [the] (log|logs|journal) (of|for) {unit} {since?}`,
      `(search|grep|look|find) [for] {text} in {unit} (log|logs|journal) {since?}`,
      `(search|grep) [the] (log|logs|journal) [of|for] {unit} for {text} {since?}`,
      `(search|grep) [the] [system] (log|logs|journal) for {text} {since?}`,
      `(show|show me|tail|read|cat|print|display|get) [the] [log|file|log file] {path:log}`,
      `(show|show me|tail|read|print|display|get) [the] (last|latest) {lines:number} lines of {path:log}`,
      "tail -n {lines:number} {path:log}",
      `(search|grep|look|find) [for] {text} in {path:log}`,
      "(any|are there any|were there any|is there any|have there been any) [recent|new] {level} {since?}",
      "(any|are there any|were there any|have there been any) [recent|new] {level} in [the] [system] (log|logs|journal) {since?}",
      "(any|are there any|were there any|have there been any) [recent|new] {unit} {level} {since?}",
      "(any|are there any|were there any|have there been any) [recent|new] {level} (in|from|for) {unit} [log|logs|journal] {since?}",
      "(any|are there any|were there any|have there been any) [recent|new] {level} in the (log|logs|journal) (of|for) {unit} {since?}",
      "(what|which) {level} (did|has) {unit} (log|logged) {since?}",
      "(what|which) {level} were logged by {unit} {since?}",
      "(has|did) {unit} (log|logged) any {level} {since?}",
      "journalctl -u {unit}"
    ]
  ],
  [
    "log.query",
    [
      "[show me|tell me] what went wrong {since?}",
      "[show me|tell me] what went wrong with {unit} {since?}",
      "why (did|has) {unit} (fail|failed|crash|crashed|die|died|stop|stopped)",
      "why is {unit} (failing|crashing|down|not running|not working)",
      "what is wrong with {unit}",
      "what (happened to|happened with) {unit} {since?}",
      "why (does|did) {unit} not (start|run|work)"
    ],
    { level: "warning" }
  ],

  [
    "system.usage",
    [
      `[show|show me|check|get|what is|give me|how is] [the] [current] (cpu|memory|ram|disk|system|resource|load|swap) (usage|use|load|average|utilization|utilisation|space|stats|statistics)`,
      `[show|show me|check|get|what is|give me|tell me] [the] [current] (usage|utilization|utilisation|load|load average|uptime|metrics|resources|disk space|free memory|free disk space)`,
      "(check|show|show me) [the] (cpu|memory|ram|disk|load)",
      "how much (memory|ram|disk|disk space|space|cpu) (is|do you have|do we have) [used|free|available|in use|left]",
      "how much (free|available) (memory|ram|disk|disk space|space|swap) (is there|is left|do we have|do you have) [left]",
      `[show|show me|check|get|what is|give me|compare] [the] [current] (cpu|memory|ram|disk|load|swap) and (cpu|memory|ram|disk|load|swap) [usage|use]`,
      "compare [the] [current] (cpu|memory|ram|disk|load|swap|usage) [usage|use]",
      "how much (memory|ram|disk|disk space|cpu) (is|are) {targets} using",
      "how (busy|loaded|full) (is|are) {targets}",
      "how (is|are) {targets} [doing]",
      "how long (has|have) {targets} been (up|running)",
      "(check|show|show me) [the] (health|state) of {targets}",
      "(which|what) {targets:busy}",
      "how long (is|are) {targets} (up|running)",
      "since when (is|are|has|have) {targets} (up|running|been up|been running)",
      "when (did|was) {targets} [last] (boot|start|reboot|restart|booted|started|rebooted|restarted|come up)",
      "(is|are) {targets} (up|online|alive|reachable|responding)",
      "how full (is|are) the (disk|disks|hard disk|hard disks|drive|drives)",
      "how much [free] (memory|ram|disk|disk space|space|swap) (does|do) {targets} have [left|free|available]",
      "[show|show me|get|check|what is|give me|tell me] [the] (status|state|health) of {targets}",
      "[show|show me|get|check|what is|give me|tell me] {targets} 's (status|state|health|load|uptime|usage|cpu usage|memory usage|disk usage|disk space|cpu|memory|ram|disk)",
      "(df|df -h|free|free -h|free -m|w)"
    ]
  ],
  [
    "system.info",
    [
      `[show|show me|get|what is|give me] [the] (system|host|hardware|os) (info|information|details|facts|release|version)`,
      `[show|show me|get|what is|give me] [the] (os|operating system|kernel|kernel version|linux version|debian version|distribution)`,
      `(what|which) ${os} (is|are|does|do) {targets} (on|running|run|using|use)`,
      `(what|which) ${os} (is|is running|runs|is installed|is there|is used)`,
      `(what|which) ${os} runs {targets}`,
      `[show|show me|get|what is|give me|tell me] {targets} 's ${os}`,
      `[show|show me|get|what is|give me|tell me] [the] ${os} of {targets}`,
      "how many (cpus|cores|cpu cores|processors|cpus and how much memory) (does|do|has|have) {targets} [have]",
      "(uname|uname -a|hostname|hostnamectl|lsb_release -a)",
      "(which|what) {targets:still}",
      "(describe|inventory) {targets}"
    ]
  ],
  ["system.reboot", ["(reboot|restart|power cycle) {targets}", "(reboot|restart) the (machine|server|host|box)"]],

  [
    "process.list",
    [
      `${show} [me] [all] [the] [running|top] processes`,
      "[list|show|show me] [the] top {count:number} processes",
      "(what|which processes) (is|are) running",
      "(ps|ps aux|ps -ef|top|htop)"
    ]
  ],
  [
    "process.list",
    [
      "(what|which process) (is|is using|uses|eats|is eating|consumes) [up] [all|so much|the most|most of] [the|of the] cpu",
      "what is (using|eating|consuming) [up] [all|so much|the most] [the] cpu",
      `${show} [the] [top] processes by cpu`,
      "top {count:number} processes by cpu",
      `${show} [the] top {count:number} processes by cpu`
    ],
    { by: "cpu" }
  ],
  [
    "process.list",
    [
      "(what|which process) (is using|uses|eats|is eating|consumes) [up] [all|so much|the most|most of] [the] (memory|ram)",
      `${show} [the] [top] processes by (memory|ram)`,
      "top {count:number} processes by (memory|ram)",
      `${show} [the] top {count:number} processes by (memory|ram)`
    ],
    { by: "memory" }
  ],
  [
    "process.list",
    ["(find|show|list) [the] processes (named|called|matching|with) {text}", "is [a|the] process {text} running"]
  ]
]
