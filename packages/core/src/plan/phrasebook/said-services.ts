/** The phrases about services and their configuration. */
import { show, type Row } from "./phrase.ts"

export const services: ReadonlyArray<Row> = [
  [
    "service.status",
    [
      `[show|show me|get|check|what is|give me] [the] (status|state|health) of {unit}`,
      `[show|show me|get|check|what is] {unit} (status|state|health)`,
      "is {unit} (running|up|active|alive|working|healthy|ok)",
      "(check if|check whether|check that|verify that|verify|confirm that|see if|tell me if|is) {unit} is (running|up|active|alive|working|healthy)",
      "(check|inspect) [on] {unit}",
      "how is {unit} [doing]",
      "systemctl status {unit}",
      "service {unit} status"
    ]
  ],
  [
    "service.list",
    [
      `${show} [all] [the] [systemd] (services|units)`,
      "[show|show me|get|check|what is] [the] (status|state) of (all|the|all the) services",
      "(what|which) services are there"
    ]
  ],
  [
    "service.list",
    [
      `${show} [all] [the] (failed|failing|broken) (services|units)`,
      "what (failed|has failed|is failing|is broken)",
      "systemctl --failed",
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
  [
    "service.start",
    [
      "(start|launch|bring up|turn on|fire up) {units}",
      "(start up|switch on|spin up) {units}",
      "(bring|start) {units} [back] up",
      "(turn|switch) {units} [back] on",
      "(make sure|make sure that|ensure|ensure that) {units} (is|are) (running|started|up|active)",
      "systemctl start {units}",
      "service {unit} start"
    ]
  ],
  [
    "service.stop",
    [
      "(stop|shut down|halt|turn off|bring down|take down) {units}",
      "(switch off|shutdown) {units}",
      "(turn|switch) {units} off",
      "(shut|bring|take) {units} down",
      "(make sure|make sure that|ensure|ensure that) {units} (is|are) (stopped|not running|down|off)",
      "systemctl stop {units}",
      "service {unit} stop"
    ]
  ],
  [
    "service.restart",
    [
      "(restart|bounce|cycle|recycle|reboot|stop and start) {units}",
      "give {units} a restart",
      "do a restart of {units}",
      "systemctl restart {units}",
      "service {unit} restart"
    ]
  ],
  [
    "service.restart",
    ["[do|perform] [a] rolling restart (of|for) {units}", "rolling restart {units}"],
    {},
    { batch: { size: 1, maxFailures: 0 } }
  ],
  [
    "service.reload",
    [
      "(reload|refresh) {units}",
      "reload [the] (config|configuration) of {units}",
      "reload {unit} (config|configuration)",
      "systemctl reload {units}",
      "service {unit} reload"
    ]
  ],
  [
    "service.enable",
    [
      "enable {units} [at boot|on boot|at startup|at start]",
      "(make|have|let) {unit} start (at boot|on boot|at startup|automatically)",
      "(make sure|make sure that|ensure|ensure that) {units} (is|are) enabled",
      "(make sure|make sure that|ensure|ensure that) {unit} starts (at boot|on boot|at startup|automatically)",
      "systemctl enable {units}"
    ]
  ],
  [
    "service.enable",
    ["(enable and start|start and enable) {units}", "systemctl enable --now {units}"],
    {},
    { after: "service.start" }
  ],
  [
    "service.disable",
    [
      "disable {units} [at boot|on boot|at startup|at start]",
      "(keep|prevent) {unit} from starting (at boot|on boot|at startup|automatically)",
      "systemctl disable {units}"
    ]
  ],
  [
    "service.disable",
    ["(disable and stop|stop and disable) {units}", "systemctl disable --now {units}"],
    {},
    { after: "service.stop" }
  ],

  [
    "config.read",
    [
      `(show|show me|read|cat|print|display|get|open|view) [the] [file|config file|contents of] {path:etc}`,
      "(show|show me|read|print|display|get|view) [the] {path:config} (config|configuration|config file|configuration file)",
      "(show|show me|read|print|display|get|view) [the] (config|configuration) (of|for) {path:config}",
      "(show|show me|read|cat|print|display|get|view|open) [the] {path:named}",
      "what is in [the] file {path:etc}",
      "what is in {path:etcfile}",
      "what is in [the] (config|configuration) (of|for) {path:config}",
      "what is in [the] {path:config} (config|configuration|config file|configuration file)"
    ]
  ],
  [
    "config.validate",
    [
      "(validate|check|test|verify) [the] {path:config} (config|configuration|config file|configuration file|syntax)",
      "(validate|check|test|verify) [the] (config|configuration) (of|for) {path:config}",
      "(validate|check|test|verify) [the] [file|config file|syntax of] {path:etc}",
      "is the {path:config} (config|configuration) (valid|ok|correct)",
      "(validate|check|test|verify) [the] {path:named}",
      "validate {path:config}"
    ]
  ],
  ["config.validate", ["nginx -t"], { path: "/etc/nginx/nginx.conf" }],
  ["config.validate", ["sshd -t"], { path: "/etc/ssh/sshd_config" }],
  [
    "config.set",
    [
      "(set|change|update) {key} (to|=) {value} in [the] [file] {path:etc}",
      "(set|change|update) {key} (to|=) {value} in [the] {path:config} (config|configuration|config file)",
      "(set|change|update) {key} (to|=) {value} in [the] section {section:text} of {path:etc}",
      "in {path:etc} (set|change|update) {key} (to|=) {value}",
      "(set|change|update) {key} (to|=) {value} in [the] {path:config}",
      "set {key} {value} in [the] {path:config} [config|configuration|config file]",
      "set {key} {value} in [the] [file] {path:etc}",
      "(set|change|update) {key} (to|=) {value} in [the] (config|configuration|config file) (of|for) {path:config}",
      "(set|change|update) {key} (to|=) {value} in [the] {section:text} (block|section) (of|in) [the] {path:etc}",
      "(set|change|update) {key} (to|=) {value} in [the] {section:text} (block|section) (of|in) [the] {path:config} [config|configuration|config file]",
      "(set|change|update) {key} (to|=) {value} in [the] {section:text} (block|section) (of|in) [the] (config|configuration|config file) (of|for) {path:config}",
      "in [the] {path:config} [config|configuration|config file] (set|change|update) {key} (to|=) {value}",
      "in [the] {section:text} (block|section) (of|in) [the] {path:config} [config|configuration|config file] [,] (set|change|update) {key} (to|=) {value}"
    ]
  ],
  [
    "config.add-site",
    [
      "add [the|a] [new] (domain|site|vhost|virtual host|website) {domain} to nginx",
      "add {domain} to nginx",
      "(add|create|make|set up) (a|an|the) [new] [nginx] (site|vhost|virtual host|server block) for {domain} on {targets} with root {root:path}",
      "(add|create|make|set up) (a|an|the) [new] [nginx] (site|vhost|virtual host|server block) for {domain} on {targets} (proxied to|proxying to|proxying) {proxy:url}",
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
      `${show} [all] [the] [config|configuration] backups of {path:etc}`,
      `${show} [all] [the] [config|configuration] backups of [the] {path:config} [config|configuration]`
    ]
  ],
  [
    "config.restore",
    [
      "(restore|roll back|rollback|revert) [the] [file|config|configuration] {path:etc} [from backup|from the backup|from its backup|to the last backup]",
      "(restore|roll back|rollback|revert) {path:etc} (from|to) backup {backup:id}",
      "restore [the] (last|latest|previous|newest) backup (of|for) [the] [file] {path:etc}",
      "(undo|revert|roll back) the last change (of|to|in) {path:etc}",
      "(restore|roll back|rollback|revert) [the] [last|previous] {path:config} (config|configuration) [from backup|from the backup|from its backup|to the last backup]",
      "roll [the] {path:config} (config|configuration) back",
      "(undo|revert|roll back|rollback) [the] last {path:config} (config|configuration) change",
      "(undo|revert|roll back|rollback) [the] last change (of|to|in) [the] {path:config} (config|configuration)"
    ]
  ]
]
