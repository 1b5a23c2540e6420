/** One value is set, everything else stays byte for byte; where it is not clear what is meant, nothing is changed. */
import { describe, expect, it } from "vitest"
import type { Format } from "../kinds.ts"
import { type Setting, edit, valueOf } from "./Edit.ts"
import { parseNginx } from "./nginx.ts"
import { includedBefore } from "./sshd.ts"

const nginx = `user www-data; # who
events { worker_connections 768; }
http {
\t# sizes
\tsendfile on; # fast
\tlog_format main '$remote_addr "$request" {x;}';
\tmap $uri $a { default "a;b"; "~^/x\\d{2}" a\${y}b; }
\tinclude /etc/nginx/sites-enabled/*;
\tserver {
\t\tlisten 80;
\t\tserver_name a.example.com "b.example.com";
\t\tlocation / { return 200 "}"; }
\t\tlocation /api/v1 {
\t\t\tproxy_pass http://127.0.0.1:3000;
\t\t}
\t}
\tserver { listen 81; server_name c.example.com; }
}
`
const sshd = `# sshd
Include /etc/ssh/sshd_config.d/*.conf
#PermitRootLogin prohibit-password
#Port 22
AcceptEnv LANG LC_*
AcceptEnv EDITOR
UsePAM yes   # always

# for sftp
Match User ana
    X11Forwarding no
Match Address 10.0.0.0/8
`
const php = `; php.ini
[PHP]
memory_limit = 128M
;date.timezone =
disable_functions = pcntl_alarm,pcntl_fork

[Session]
session.name = PHPSESSID
`
const unit = `[Unit]
Description=x
[Service]
Environment=A=1
Environment=B=2
ExecStart=/bin/x \\
  --long
Restart=no
[Install]
WantedBy=multi-user.target`

interface Case {
  readonly format: Format
  readonly text: string
  readonly setting: Setting
  /** The one line that goes, and the one that comes in its place; "": none. */
  readonly from: string
  readonly to: string
}

const cases: ReadonlyArray<Case> = [
  {
    format: "nginx",
    text: nginx,
    setting: { key: "user", value: "nobody nogroup" },
    from: "user www-data; # who",
    to: "user nobody nogroup; # who"
  },
  {
    format: "nginx",
    text: nginx,
    setting: { section: "http", key: "sendfile", value: "off" },
    from: "\tsendfile on; # fast",
    to: "\tsendfile off; # fast"
  },
  {
    format: "nginx",
    text: nginx,
    setting: { section: "http", key: "client_max_body_size", value: "10m" },
    from: "",
    to: "\tclient_max_body_size 10m;"
  },
  {
    format: "nginx",
    text: nginx,
    setting: { section: "http/server a.example.com", key: "listen", value: "8080" },
    from: "\t\tlisten 80;",
    to: "\t\tlisten 8080;"
  },
  {
    format: "nginx",
    text: nginx,
    setting: {
      section: "http/server b.example.com/location /api/v1",
      key: "proxy_pass",
      value: "http://127.0.0.1:4000"
    },
    from: "\t\t\tproxy_pass http://127.0.0.1:3000;",
    to: "\t\t\tproxy_pass http://127.0.0.1:4000;"
  },
  {
    format: "nginx",
    text: nginx,
    setting: { section: "http/server c.example.com", key: "root", value: '"/srv/a b"' },
    from: "\tserver { listen 81; server_name c.example.com; }",
    to: '\tserver { listen 81; server_name c.example.com; root "/srv/a b"; }'
  },
  {
    format: "nginx",
    text: nginx,
    setting: { section: "http/server a.example.com/location /", key: "return", value: '404 "}{;"' },
    from: '\t\tlocation / { return 200 "}"; }',
    to: '\t\tlocation / { return 404 "}{;"; }'
  },
  { format: "sshd", text: sshd, setting: { key: "permitrootlogin", value: "no" }, from: "", to: "permitrootlogin no" },
  {
    format: "sshd",
    text: sshd,
    setting: { key: "UsePAM", value: "no" },
    from: "UsePAM yes   # always",
    to: "UsePAM no   # always"
  },
  { format: "sshd", text: sshd, setting: { key: "MaxAuthTries", value: "3" }, from: "", to: "MaxAuthTries 3" },
  {
    format: "sshd",
    text: sshd,
    setting: { key: "X11Forwarding", value: "yes", section: "match user ana" },
    from: "    X11Forwarding no",
    to: "    X11Forwarding yes"
  },
  {
    format: "sshd",
    text: sshd,
    setting: { key: "PermitTTY", value: "no", section: "User ana" },
    from: "",
    to: "    PermitTTY no"
  },
  {
    format: "ini",
    text: php,
    setting: { key: "memory_limit", value: "256M" },
    from: "memory_limit = 128M",
    to: "memory_limit = 256M"
  },
  {
    format: "ini",
    text: php,
    setting: { key: "date.timezone", value: "Europe/Prague" },
    from: "",
    to: "date.timezone = Europe/Prague"
  },
  {
    format: "ini",
    text: php,
    setting: { key: "session.gc", value: "1", section: "Session" },
    from: "",
    to: "session.gc = 1"
  },
  {
    format: "ini",
    text: unit,
    setting: { key: "Restart", value: "always", section: "Service" },
    from: "Restart=no",
    to: "Restart=always"
  },
  { format: "assignments", text: "a = 1\n# b\nb=2\r\n", setting: { key: "b", value: "x y" }, from: "b=2", to: "b=x y" },
  {
    format: "shell",
    text: 'export A="1"\n',
    setting: { key: "A", value: 'x $(reboot) "`' },
    from: 'export A="1"',
    to: 'export A="x \\$(reboot) \\"\\`"'
  },
  { format: "shell", text: "A=1", setting: { key: "B", value: "2" }, from: "", to: "B=2" },
  {
    format: "shell",
    text: "A='x # y' # why\n",
    setting: { key: "A", value: "z w" },
    from: "A='x # y' # why",
    to: 'A="z w" # why'
  },
  {
    format: "php",
    text: '[PHP]\nmemory_limit = 128M ; as it was\nx = "a;b" ; quoted\n',
    setting: { key: "memory_limit", value: "1G" },
    from: "memory_limit = 128M ; as it was",
    to: "memory_limit = 1G ; as it was"
  },
  {
    format: "php",
    text: '[PHP]\nx = "a;b" ; quoted\n',
    setting: { key: "x", value: '"c;d"' },
    from: 'x = "a;b" ; quoted',
    to: 'x = "c;d" ; quoted'
  },
  {
    format: "mysql",
    text: "[mysqld]\nmax_connections=100 # many\n",
    setting: { key: "max_connections", value: "200", section: "mysqld" },
    from: "max_connections=100 # many",
    to: "max_connections=200 # many"
  },
  {
    format: "unit",
    text: "[Service]\nExecStart=/bin/x \\\n# Restart=on\n  Restart=no\nRestart=always\n",
    setting: { key: "Restart", value: "no ; literally", section: "Service" },
    from: "Restart=always",
    to: "Restart=no ; literally"
  },
  {
    format: "assignments",
    text: "mynetworks = a,\n# relayhost = c\n   b\nd = e\n",
    setting: { key: "relayhost", value: "c" },
    from: "",
    to: "relayhost = c"
  },
  {
    format: "sshd",
    text: 'Banner "/etc/a # b" # c\n',
    setting: { key: "Banner", value: "none" },
    from: 'Banner "/etc/a # b" # c',
    to: "Banner none # c"
  }
]

const lines = (text: string) => text.split(/\r?\n/u).filter((line) => line !== "")

it.each(cases)("$format: $setting.key $setting.value in $setting.section", ({ format, text, setting, from, to }) => {
  const edited = edit(format, text, setting)
  const [before, after] = [lines(text), lines(edited.text)]
  const at = after.indexOf(to)
  expect(after, "the statement is there").toContain(to)
  const expected =
    from === "" ? after.filter((_line, n) => n !== at) : before.map((line) => (line === from ? to : line))
  expect(from === "" ? before : after, "and everything else as it was").toEqual(expected)
  expect(valueOf(format, edited.text, setting)).toBe(setting.value)
  expect(edit(format, edited.text, setting).text, "twice is once").toBe(edited.text)
})

it("a new global keyword of sshd comes before the first Match and behind its commented default", () => {
  expect(edit("sshd", sshd, { key: "MaxAuthTries", value: "3" }).text).toContain(
    "UsePAM yes   # always\nMaxAuthTries 3\n\n# for sftp\nMatch User ana"
  )
  expect(edit("sshd", sshd, { key: "PermitRootLogin", value: "no" }).text).toContain(
    "#PermitRootLogin prohibit-password\nPermitRootLogin no\n"
  )
})

it("ends of lines stay what they are", () => {
  expect(edit("ini", "[a]\r\nx=1\r\n", { key: "y", value: "2", section: "a" }).text).toBe("[a]\r\nx=1\r\ny=2\r\n")
  expect(edit("ini", "", { key: "y", value: "2", section: "a" }).text).toBe("[a]\ny=2\n")
})

describe("refused", () => {
  it.each<[Format, string, Setting, RegExp]>([
    ["nginx", nginx, { section: "http", key: "sendfile", value: "on; } server { listen 99" }, /more than the words/],
    ["nginx", nginx, { section: "http", key: "sendfile", value: "on # off" }, /more than the words/],
    ["nginx", nginx, { section: "http", key: "sendfile", value: 'on "' }, /more than the words/],
    ["nginx", nginx, { section: "http", key: "sendfile", value: "{" }, /more than the words/],
    ["nginx", nginx, { section: "http/server", key: "listen", value: "1" }, /2 blocks/],
    ["nginx", nginx, { section: "http/upstream x", key: "server", value: "1" }, /no block upstream x/],
    ["nginx", nginx, { section: "http", key: "server", value: "1" }, /2 times/],
    ["nginx", nginx, { key: "events", value: "1" }, /is a block/],
    ["nginx", "http { a b;", { key: "x", value: "1" }, /never closed in line 1/],
    ["nginx", "a b; }", { key: "x", value: "1" }, /too many/],
    ["sshd", sshd, { key: "AcceptEnv", value: "X" }, /2 times/],
    ["sshd", sshd, { key: "Match", value: "all" }, /block/],
    ["sshd", sshd, { key: "Banner", value: "x # y" }, /#/],
    ["sshd", sshd, { key: "Banner", value: "x", section: "User bob" }, /no block/],
    ["ini", unit, { key: "Environment", value: "C=3", section: "Service" }, /2 times/],
    ["ini", unit, { key: "ExecStart", value: "/bin/y", section: "Service" }, /several lines/],
    ["ini", unit, { key: "Type", value: "simple" }, /Name the section: Unit, Service, Install/],
    ["assignments", "a=1\n", { key: "a", value: "2", section: "x" }, /no sections/],
    ["assignments", "server ntp.example.com\n", { key: "a", value: "2" }, /no key = value/],
    ["assignments", "a=1\n", { key: "a", value: " 2" }, /space/],
    ["assignments", "a=1 # or 2\n", { key: "a", value: "2" }, /may be a comment/],
    ["assignments", "a=1\n", { key: "a", value: "2 # 3" }, /begins a comment/],
    ["assignments", "a = 1,\n# x\n\n  b=2\nc=3\n", { key: "a", value: "2" }, /several lines/],
    ["assignments", "a=1\nb=2\n", { key: "a", value: "2\\" }, /next line would belong/],
    ["unit", "[S]\na=1\nb=2\n", { key: "a", value: "2 \\", section: "S" }, /next line would belong/],
    ["php", "[PHP]\na=1\n", { key: "a", value: "1; b" }, /begins a comment/],
    ["php", "[PHP]\na=1\n", { key: "a", value: '"1' }, /open quote/],
    ["php", '[PHP]\na="1\nb=2"\n', { key: "a", value: "2" }, /several lines/],
    ["mysql", "[mysqld]\na=1\n", { key: "a", value: "1#2" }, /begins a comment/],
    ["shell", 'A="1\nB=2"\n', { key: "A", value: "2" }, /several lines/],
    ["sshd", sshd, { key: "Banner", value: "x", section: "Match Address 10.0.0.0/8\nPermitRootLogin yes" }, /no block/],
    ["nginx", nginx, { section: "http", key: "sendfile", value: "on\\" }, /./],
    ["nginx", nginx, { section: "http", key: "sendfile", value: '"on" # x' }, /./],
    ["nginx", nginx, { section: "http", key: "sendfile", value: "on\u2028; evil" }, /more than the words/]
  ])("%s: %#", (format, text, setting, why) => {
    expect(() => edit(format, text, setting)).toThrow(why)
  })
})

it("nginx's own grammar: every directive is found where it stands", () => {
  const root = parseNginx(nginx)
  const http = root.directives.find(({ name }) => name.text === "http")
  expect(root.directives.map(({ name }) => name.text)).toEqual(["user", "events", "http"])
  expect(http?.block?.directives.map(({ name, args }) => `${name.text}:${args.length}`)).toEqual([
    "sendfile:1",
    "log_format:2",
    "map:2",
    "include:1",
    "server:0",
    "server:0"
  ])
  expect(parseNginx("content_by_lua_block { if x then y = {1} end -- ; \n } a b;").directives).toHaveLength(2)
  expect(() => parseNginx("a {".repeat(100))).toThrow(/too many blocks/)
})

it("in a unit what goes on over lines is one statement, whatever its lines look like", () => {
  const text = "[Service]\nExecStart=/bin/x \\\n  Restart=no\n"
  expect(valueOf("unit", text, { key: "Restart", section: "Service" })).toBeNull()
  expect(edit("unit", text, { key: "Restart", value: "always", section: "Service" }).text).toBe(
    `${text}Restart=always\n`
  )
})

it("sshd: what is included before a keyword is told, because the first counts", () => {
  const text = 'Include /etc/ssh/a.d/*.conf "b c.conf"\nPort 22\nInclude late.conf\nMatch all\nInclude never.conf\n'
  expect(includedBefore(text, "port")).toEqual(["/etc/ssh/a.d/*.conf", "b c.conf"])
  expect(includedBefore(text, "Banner")).toEqual(["/etc/ssh/a.d/*.conf", "b c.conf", "late.conf"])
})
