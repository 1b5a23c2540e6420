/** The phrases about the network, packages, files and commands. */
import { show, type Row } from "./phrase.ts"

const ports = "(open|listening|in use|used|taken|free|closed)"

export const network: ReadonlyArray<Row> = [
  [
    "network.ping",
    [
      "ping {address:anyaddress} [from there]",
      "ping {address:anyaddress} {count:number} times",
      "can {targets} (ping|reach|see) {address:anyaddress}",
      "(check|test) (if|whether) {targets} (can reach|reaches|can ping) {address:anyaddress}",
      "is {address:anyaddress} (reachable|pingable) from {targets}"
    ]
  ],
  [
    "network.dns",
    [
      "(resolve|look up|lookup|dig|nslookup) {name:address}",
      "(resolve|look up|lookup|get|show|show me|check|what is|what are) [the] [dns] {type:record} (record|records|entry|entries) (of|for) {name:address}",
      "dig {type:record} {name:address}",
      "(dns|dns lookup|lookup) (of|for) {name:address}",
      "what does {name:address} resolve to",
      "what is the (ip|ip address|address|dns record) (of|for) {name:address}"
    ]
  ],
  [
    "network.port",
    [
      "(check|test|probe) [tcp] port {port} (of|at|on) {address}",
      "(check|test|probe) [tcp] port {port} (of|at|on) {address:anyaddress} from {targets}",
      "(check|test) (if|whether) [tcp] port {port} (of|at|on) {address:anyaddress} is (open|reachable)",
      "can {targets} connect to {address:anyaddress} [on|at] port {port}",
      "can {targets} reach port {port} (of|on|at) {address:anyaddress}",
      "can {targets} reach {address:anyaddress} (on|at) port {port}",
      "is [tcp] port {port} (open|reachable) (on|at) {address:anyaddress} from {targets}",
      "is [tcp] port {port} (of|on|at) {address:anyaddress} (open|reachable) from {targets}"
    ]
  ],
  // where nobody says from where, the host tries itself
  [
    "network.port",
    [
      "(check|test|probe) [tcp] port {port}",
      "is [tcp] [port] {port} (reachable|answering|accepting connections)",
      "(check|test|see) (if|whether) [tcp] [port] {port} (is reachable|is answering|answers|accepts connections)",
      "does [tcp] port {port} (answer|accept connections)"
    ],
    { address: "localhost" }
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
      "(what|which processes) (is|are) listening",
      `(what|which process|which service|who) (is|is listening|listens) on [tcp] port {port}`,
      "(what|which process|which service|who) (is listening|listens) on {port}",
      "(what|which process|which service|who) (uses|is using|has|owns) [tcp] port {port}",
      `is [tcp] [port] {port} ${ports}`,
      `is [tcp] [port] {port} (of|on|at) {targets} ${ports}`,
      `(check|test|see) (if|whether) [tcp] [port] {port} is ${ports}`,
      "(does|do) {targets} listen on [tcp] [port] {port}",
      "(is|are) {targets} listening on [tcp] [port] {port}",
      "(check|test|see) (if|whether) {targets} (listens|listen|is listening|are listening) on [tcp] [port] {port}",
      "(ss|ss -tlnp|ss -tulpn|netstat -tulpn|netstat -tlnp)"
    ]
  ],
  [
    "network.routes",
    [
      `${show} [all] [the] [network|ip] (routes|routing table|interfaces|ip addresses|addresses|network interfaces|network configuration)`,
      `${show} [the] (default gateway|default route|gateway|ip|ip address|ip addresses)`,
      "(what|which) (ip|ips|ip address|ip addresses|addresses) (does|do) {targets} have",
      "[show|show me|get|what is|give me|tell me] {targets} 's (ip|ip address|addresses|ip addresses|default gateway)",
      "(ip a|ip addr|ip route|ifconfig)"
    ]
  ],

  [
    "package.list",
    [
      `${show} [all] [the] [installed] packages`,
      `${show} [all] [the] [installed] packages (matching|named|containing|with) {text}`,
      "is {text:package} installed",
      "(is|check if|check whether) {text:package} is installed",
      "(what|which) version of {text:package} (is installed|do we have|is there)",
      "(what|which) version of {text:package} (is|runs|is running)",
      "what is the [installed] version of {text:package}",
      "(what|which) version of {text:package} (does|do) {targets} (have|run|use)",
      "(what|which) {text:package} version (is|runs|is installed|is running)"
    ]
  ],
  [
    "package.upgradable",
    [
      `${show} [all] [the] [available|pending|outstanding] [security|package] (updates|upgrades)`,
      `${show} [all] [the] (upgradable|outdated|updatable) packages`,
      "check for [available|pending|new] [security|package] (updates|upgrades)",
      "(what|which) (packages|updates) (can be updated|can be upgraded|are pending|are available|are outdated|need updating|need updates)",
      "are there [any] [available|pending|new] (updates|upgrades)",
      "(apt|apt-get) update",
      "(does|do) {targets} (need|have) [any] [available|pending|new|security] (updates|upgrades)"
    ]
  ],
  [
    "package.install",
    [
      "install [the] [package|packages] {names:packages}",
      "add [the] (package|packages) {names:packages} to {targets}",
      "(apt|apt-get) install {names:packages}"
    ]
  ],
  [
    "package.update",
    [
      "(update|upgrade) [the] [package|packages] {names:packages}",
      "(update|upgrade) [all] [the] packages",
      "(install|apply) [all] [the] [pending|available] (updates|upgrades)",
      "(update|upgrade|patch) {targets}",
      "(update|upgrade) [the] [package|packages] {names:packages} to [the] (latest|newest|latest version|newest version)",
      "(apt|apt-get) upgrade"
    ]
  ],

  [
    "file.list",
    [
      "(list|ls) [all] [the] [files in|contents of|files under|directory|folder|files of] {path}",
      "(show|show me) [all] [the] (files in|contents of|files under|directory|folder|files of) {path}",
      "what is in [the] (directory|folder) {path}",
      "what is in {path:folder}"
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
      "what (fills|uses|is on) [up] [all] the disk",
      "what (is taking|takes|is using|uses) [up] [all] [the] space"
    ],
    { path: "/" }
  ],
  [
    "file.disk-usage",
    [
      "[show|show me|check|get] [the] disk usage (of|in|under) {path}",
      `[show|show me|list|find|get|what are|which are] [the] (largest|biggest) (files|directories|folders|files and directories) (in|under|below) {path}`,
      "du [-h|-sh|-s] {path}",
      "what (fills|uses|is filling|is using) [up] [the] [disk|space] [space] (in|under|below) {path}"
    ]
  ],

  [
    "shell.run",
    ["(run|execute) [the] [shell] [command] {command:quoted}", "(run|execute) [the] [shell] [command] {command:tells}"]
  ]
]
