/**
 * The phrasebook: the routine ways to say an action, as one table.
 *
 * Owns: phrases and what their slots become as arguments. Does not own: targets, conditions and batches around them (`read.ts`).
 * Invariants: the first word of a phrase says what is done; a phrase names one action only, and its arguments pass the catalogue's check.
 */
import type { Schema } from "effect"
import type { ActionName } from "../../action/catalog.ts"
import { opening, type Pattern, pattern } from "./pattern.ts"

type Values = { readonly [name: string]: Schema.Json }
export interface Phrase {
  readonly action: ActionName
  readonly pattern: Pattern
  /** Fixed arguments. */
  readonly args: Values
}

const show = "(show|show me|get|get me|give me|display|print|list|read|fetch|see|what are|what is|check)"
const logs = "(show|show me|get|get me|give me|display|print|tail|read|fetch|see|check|search)"

const table: ReadonlyArray<readonly [action: ActionName, phrases: ReadonlyArray<string>, args?: Values]> = [
  [
    "service.status",
    [
      `[show|show me|get|check|what is|what's|give me] [the] (status|state|health) of {unit}`,
      `[show|show me|get|check|what is|what's] {unit} (status|state|health)`,
      "is {unit} (running|up|active|alive|working|healthy|ok)",
      "(check if|check whether|see if|tell me if|is) {unit} is (running|up|active|alive|working|healthy)",
      "(check|inspect) [on] {unit}",
      "how is {unit} [doing]"
    ]
  ],
  ["service.list", [`${show} [all] [the] [systemd] (services|units)`, "(what|which) services are there"]],
  [
    "service.list",
    [
      `${show} [all] [the] (failed|failing|broken) (services|units)`,
      "(what|which) (services|units) (failed|have failed|are failed|are failing|are broken)"
    ],
    { state: "failed" }
  ],
  [
    "service.list",
    [
      `${show} [all] [the] (running|active) (services|units)`,
      "(what|which) (services|units) (are running|are active|run)"
    ],
    { state: "active" }
  ],
  [
    "service.list",
    [`${show} [all] [the] enabled (services|units)`, "(what|which) (services|units) are enabled"],
    { state: "enabled" }
  ],
  ["service.start", ["(start|launch|bring up|turn on|fire up) {units}"]],
  ["service.stop", ["(stop|shut down|halt|turn off|bring down|take down) {units}"]],
  [
    "service.restart",
    [
      "(restart|bounce|cycle|recycle|reboot|stop and start) {units}",
      "give {units} a restart",
      "do a restart of {units}"
    ]
  ],
  [
    "service.reload",
    [
      "(reload|refresh) {units}",
      "reload [the] (config|configuration) of {units}",
      "reload {unit} (config|configuration)"
    ]
  ],
  [
    "service.enable",
    [
      "enable {units} [at boot|on boot|at startup|at start]",
      "(make|have|let) {unit} start (at boot|on boot|at startup|automatically)"
    ]
  ],
  [
    "service.disable",
    [
      "disable {units} [at boot|on boot|at startup|at start]",
      "(keep|prevent) {unit} from starting (at boot|on boot|at startup|automatically)"
    ]
  ],

  [
    "config.read",
    [
      `(show|show me|read|cat|print|display|get|open|view) [the] [file|config file|contents of] {path:etc}`,
      "(show|show me|read|print|display|get|view) [the] {path:config} (config|configuration|config file|configuration file)",
      "(show|show me|read|print|display|get|view) [the] (config|configuration) (of|for) {path:config}"
    ]
  ],
  [
    "config.validate",
    [
      "(validate|check|test|verify) [the] {path:config} (config|configuration|config file|configuration file|syntax)",
      "(validate|check|test|verify) [the] (config|configuration) (of|for) {path:config}",
      "(validate|check|test|verify) [the] [file|config file|syntax of] {path:etc}",
      "is the {path:config} (config|configuration) (valid|ok|correct)"
    ]
  ],
  [
    "config.set",
    [
      "(set|change|update) {key} (to|=) {value} in [the] [file] {path:etc}",
      "(set|change|update) {key} (to|=) {value} in [the] {path:config} (config|configuration|config file)",
      "(set|change|update) {key} (to|=) {value} in [the] section {section:text} of {path:etc}",
      "in {path:etc} (set|change|update) {key} (to|=) {value}"
    ]
  ],
  [
    "config.add-site",
    [
      "add [the|a] [new] (domain|site|vhost|virtual host|website) {domain} to nginx",
      "add [the|a] [new] (domain|site|vhost|virtual host|website) {domain} to nginx with root {root:path}",
      "add [the|a] [new] (domain|site|vhost|virtual host|website) {domain} to nginx (proxied to|proxying to|proxying|as proxy for|as a proxy for|with proxy) {proxy:url}",
      "(add|create|make|set up) (a|an|the) [new] [nginx] (site|vhost|virtual host|server block) for {domain}",
      "(add|create|make|set up) (a|an|the) [new] [nginx] (site|vhost|virtual host|server block) for {domain} with root {root:path}",
      "(add|create|make|set up) (a|an|the) [new] [nginx] (site|vhost|virtual host|server block) for {domain} (proxied to|proxying to|proxying) {proxy:url}"
    ]
  ],
  [
    "config.backups",
    [
      `${show} [all] [the] [config|configuration|configuration file] backups`,
      `${show} [all] [the] [config|configuration] backups of {path:etc}`
    ]
  ],
  [
    "config.restore",
    [
      "(restore|roll back|rollback|revert) [the] [file|config|configuration] {path:etc} [from backup|from the backup|from its backup|to the last backup]",
      "(restore|roll back|rollback|revert) {path:etc} (from|to) backup {backup:id}",
      "(undo|revert|roll back) the last change (of|to|in) {path:etc}"
    ]
  ],

  [
    "log.query",
    [
      `${logs} {unit} (log|logs|journal) {since?}`,
      `${logs} [the] (log|logs|journal) (of|for|from) {unit} {since?}`,
      `${logs} [the] (last|latest|newest) {lines:number} [lines|log lines|entries|log entries|messages] (of|from|for|in) {unit} [log|logs|journal]`,
      `${logs} [the] (last|latest|newest) {lines:number} (lines|log lines|entries|log entries|messages) (of|from) the (log|logs|journal) (of|for) {unit}`,
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
      `(search|grep|look|find) [for] {text} in {path:log}`
    ]
  ],
  [
    "log.query",
    [
      "what went wrong {since?}",
      "what went wrong with {unit} {since?}",
      "why (did|has) {unit} (fail|failed|crash|crashed|die|died|stop|stopped)",
      "why is {unit} (failing|crashing|down|not running|not working)"
    ],
    { level: "warning" }
  ],

  [
    "system.usage",
    [
      `[show|show me|check|get|what is|what's|give me|how is] [the] [current] (cpu|memory|ram|disk|system|resource|load|swap) (usage|use|load|average|utilization|space|stats|statistics)`,
      `[show|show me|check|get|what is|what's|give me] [the] [current] (usage|utilization|load|load average|uptime|metrics|resources|disk space|free memory|free disk space)`,
      "(check|show|show me) [the] (cpu|memory|ram|disk|load)",
      "how much (memory|ram|disk|disk space|space|cpu) (is|do you have|do we have) [used|free|available|in use|left]",
      "how much (memory|ram|disk|disk space|cpu) (is|are) {targets} using",
      "how (busy|loaded|full) (is|are) {targets}",
      "how (is|are) {targets} doing",
      "how long (has|have) {targets} been (up|running)",
      "(check|show|show me) [the] (health|state) of {targets}",
      "(which|what) {targets:busy}"
    ]
  ],
  [
    "system.info",
    [
      `[show|show me|get|what is|what's|give me] [the] (system|host|hardware|os) (info|information|details|facts|release|version)`,
      `[show|show me|get|what is|what's|give me] [the] (os|operating system|kernel|kernel version|linux version|debian version|distribution)`,
      "(what|which) (os|operating system|kernel|distribution|linux) (is|are|does|do) {targets} (running|run|using|use)",
      "(which|what) {targets:still}",
      "(describe|inventory) {targets}"
    ]
  ],
  ["system.reboot", ["(reboot|restart|power cycle) {targets}", "(reboot|restart) the (machine|server|host|box)"]],

  [
    "process.list",
    [
      `${show} [me] [all] [the] [running|top] processes`,
      "(list|show|show me) [the] top {count:number} processes",
      "(what|which processes) (is|are) running"
    ]
  ],
  [
    "process.list",
    [
      "(what|which process) (is|is using|uses|eats|is eating|consumes) [up] [all|so much|the most|most of] [the|of the] cpu",
      "what is (using|eating|consuming) [up] [all|so much|the most] [the] cpu",
      `${show} [the] [top] processes by cpu`,
      `${show} [the] top {count:number} processes by cpu`
    ],
    { by: "cpu" }
  ],
  [
    "process.list",
    [
      "(what|which process) (is using|uses|eats|is eating|consumes) [up] [all|so much|the most|most of] [the] (memory|ram)",
      `${show} [the] [top] processes by (memory|ram)`,
      `${show} [the] top {count:number} processes by (memory|ram)`
    ],
    { by: "memory" }
  ],
  [
    "process.list",
    ["(find|show|list) [the] processes (named|called|matching|with) {text}", "is [a|the] process {text} running"]
  ],

  [
    "network.ping",
    [
      "ping {address:anyaddress} [from there]",
      "ping {address:anyaddress} {count:number} times",
      "can {targets} (ping|reach|see) {address:anyaddress}",
      "(check|test) (if|whether) {targets} (can reach|reaches|can ping) {address:anyaddress}"
    ]
  ],
  [
    "network.dns",
    [
      "(resolve|look up|lookup|dig|nslookup) {name:address}",
      "(dns|dns lookup|lookup) (of|for) {name:address}",
      "what does {name:address} resolve to"
    ]
  ],
  [
    "network.port",
    [
      "(check|test|probe) [tcp] port {port} (of|at|on) {address}",
      "(check|test) (if|whether) [tcp] port {port} (of|at|on) {address:anyaddress} is (open|reachable)",
      "can {targets} connect to {address:anyaddress} [on|at] port {port}",
      "can {targets} reach port {port} (of|on|at) {address:anyaddress}"
    ]
  ],
  [
    "network.http",
    [
      "(check|test|fetch|curl|probe|request) [the] [url|website|site|page] {url}",
      "is {url} (up|reachable|ok|working|available)",
      "(check|test) (if|whether) {url} (is up|is reachable|works|answers)"
    ]
  ],
  [
    "network.listening",
    [
      `${show} [all] [the] (open|listening) [tcp|network] ports`,
      "(what|which) ports are (open|listening|in use)",
      "(what|which processes) (is|are) listening"
    ]
  ],
  [
    "network.routes",
    [
      `${show} [all] [the] [network|ip] (routes|routing table|interfaces|ip addresses|addresses|network interfaces|network configuration)`
    ]
  ],

  [
    "package.list",
    [
      `${show} [all] [the] [installed] packages`,
      `${show} [all] [the] [installed] packages (matching|named|containing|with) {text}`,
      "is {text:package} installed",
      "(is|check if|check whether) {text:package} is installed",
      "(what|which) version of {text:package} (is installed|do we have|is there)"
    ]
  ],
  [
    "package.upgradable",
    [
      `${show} [all] [the] [available|pending|outstanding] [security|package] (updates|upgrades)`,
      `${show} [all] [the] (upgradable|outdated|updatable) packages`,
      "check for [available|pending|new] [security|package] (updates|upgrades)",
      "(what|which) (packages|updates) (can be updated|can be upgraded|are pending|are available|are outdated|need updating|need updates)",
      "are there [any] [available|pending|new] (updates|upgrades)"
    ]
  ],
  ["package.install", ["install [the] [package|packages] {names:packages}"]],
  [
    "package.update",
    [
      "(update|upgrade) [the] [package|packages] {names:packages}",
      "(update|upgrade) [all] [the] packages",
      "(install|apply) [all] [the] [pending|available] (updates|upgrades)",
      "(update|upgrade|patch) {targets}"
    ]
  ],

  [
    "file.list",
    [
      "(list|ls) [all] [the] [files in|contents of|files under|directory|folder|files of] {path}",
      "(show|show me) [all] [the] (files in|contents of|files under|directory|folder|files of) {path}",
      "what is in [the] [directory|folder] {path}"
    ]
  ],
  ["file.read", ["(show|show me|read|cat|print|display|view|open) [the] [file|contents of] {path:file}"]],
  [
    "file.read",
    ["(tail|show|show me|read|print) [the] (last|latest) {lines:number} lines of {path:file}"],
    { from: "end" }
  ],
  ["file.read", ["(head|show|show me|read|print) [the] first {lines:number} lines of {path}"], { from: "start" }],
  [
    "file.disk-usage",
    [
      "(what|what files|which files|which directories) (is|are) (filling|filling up|using|eating|taking up|using up) [all] [the] (disk|disk space|space)",
      "what (fills|uses|is on) [up] [all] the disk"
    ],
    { path: "/" }
  ],
  [
    "file.disk-usage",
    [
      "[show|show me|check|get] [the] disk usage (of|in|under) {path}",
      `${show} [the] (largest|biggest) (files|directories|folders|files and directories) (in|under|below) {path}`,
      "what (fills|uses|is filling|is using) [up] [the] [disk|space] [space] (in|under|below) {path}"
    ]
  ],

  ["shell.run", ["(run|execute) [the] [shell] [command] {command:quoted}"]]
]

export const phrases: ReadonlyArray<Phrase> = table.flatMap(([action, said, args]) =>
  said.map((text) => ({ action, pattern: pattern(text), args: args ?? {} }))
)

const opened = new Map<string, Array<Phrase>>()
const open: Array<Phrase> = []
for (const phrase of phrases) {
  const words = opening(phrase.pattern)
  if (words === undefined) open.push(phrase)
  else for (const word of words) opened.set(word, [...(opened.get(word) ?? []), phrase])
}
const none: ReadonlyArray<Phrase> = []

/** The phrases that can begin with this word. */
export const phrasesFrom = (word: string): ReadonlyArray<Phrase> => [...(opened.get(word) ?? none), ...open]
