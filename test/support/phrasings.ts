/**
 * What people say to a fleet, and what comes of it: the table that the phrasebook must hold to, and what it must make nothing of.
 *
 * Owns: the sentences and their exact drafts, the fleet they are said to, sentences that nobody would say. Does not own: reading them.
 */
import type { Schema } from "effect"
import type { Batch, Condition, DraftStep, Selector } from "../../packages/core/src/plan/plan.ts"
import type { Vocabulary } from "../../packages/core/src/plan/phrasebook/names.ts"

export const fleet: Vocabulary = {
  hosts: [
    { name: "web1", tags: ["web", "prod"] },
    { name: "web2", tags: ["web", "prod"] },
    { name: "web3", tags: ["web"] },
    { name: "db1", tags: ["db", "prod"] },
    { name: "db-2", tags: ["db"] },
    { name: "app1", tags: [] },
    { name: "app2", tags: [] },
    { name: "cache1", tags: ["cache"] },
    { name: "cache2", tags: [] },
    { name: "primary", tags: ["db"] }
  ]
}

export const named = (glob: string): Selector => ({ _tag: "Name", glob })
const tagged = (tag: string): Selector => ({ _tag: "Tag", tag })
const either = (...of: ReadonlyArray<Selector>): Selector => ({ _tag: "Or", of })
const except = (all: Selector, not: Selector): Selector => ({ _tag: "And", of: [all, { _tag: "Not", of: not }] })
const all: Selector = { _tag: "All" }
const web = tagged("web")
const web1 = named("web1")
const db1 = named("db1")
const above = (fact: "cpu" | "memory" | "disk" | "load" | "uptime", value: number) =>
  ({ _tag: "Fact", fact, is: ">", value }) as const
const os = (value: string): Selector => ({ _tag: "Fact", fact: "os", is: "~", value })
const runs = (unit: string, host?: string): Condition => ({
  _tag: "Unit",
  unit,
  state: "active",
  ...(host === undefined ? {} : { host })
})
const not = (of: Condition): Condition => ({ _tag: "Not", of })

type Args = { readonly [key: string]: Schema.Json }
const step = (action: string, args: Args, targets: Selector, when?: Condition): DraftStep => ({
  action,
  args,
  targets,
  ...(when === undefined ? {} : { when })
})
const nginx = { unit: "nginx.service" }
export const restart = (targets: Selector, when?: Condition) => step("service.restart", nginx, targets, when)

/** What is said, and the steps that it becomes, exactly; a batch behind them. */
export const understood: ReadonlyArray<readonly [string, ReadonlyArray<DraftStep> | DraftStep, Batch?]> = [
  // services
  ["restart nginx on all web servers", restart(web)],
  ["Restart nginx on web1, please.", restart(web1)],
  ["Could you restart the nginx service on web1?", restart(web1)],
  ["bounce nginx on web1 now", restart(web1)],
  ["on web1 restart nginx", restart(web1)],
  ["On web1, restart nginx.", restart(web1)],
  ["web1: restart nginx", restart(web1)],
  ["all web servers: restart nginx", restart(web)],
  ["for all web servers: restart nginx", restart(web)],
  [
    "restart nginx on web servers 2 at a time and stop after the first failure",
    restart(web),
    { size: 2, maxFailures: 0 }
  ],
  ["restart nginx.service on web1", restart(web1)],
  ["give nginx a restart on web1", restart(web1)],
  ["restart nginx everywhere", restart(all)],
  ["restart nginx on all hosts", restart(all)],
  ["restart nginx on every server", restart(all)],
  ["restart nginx on db-*", restart(named("db-*"))],
  ["restart nginx on web? one at a time", restart(named("web?")), { size: 1, maxFailures: 0 }],
  ["restart nginx on web1 and web2", restart(either(web1, named("web2")))],
  ["restart nginx on web1, web2 and web3", restart(either(web1, named("web2"), named("web3")))],
  ["restart nginx on web1, web2, and web3", restart(either(web1, named("web2"), named("web3")))],
  ["restart nginx on all web servers except web3", restart(except(web, named("web3")))],
  ["restart nginx on all servers but not on web3 and db1", restart(except(all, either(named("web3"), db1)))],
  ["restart nginx on all hosts except db servers", restart(except(all, tagged("db")))],
  ["restart nginx on all servers tagged prod", restart(tagged("prod"))],
  ["restart nginx on all prod servers", restart(tagged("prod"))],
  ["restart nginx on the app servers", restart(named("app*"))],
  ["restart nginx on all Debian 12 servers", restart(os("Debian 12"))],
  ["restart nginx on hosts that run Ubuntu", restart(os("Ubuntu"))],
  ["restart nginx on servers with more than 80 % memory", restart(above("memory", 80))],
  ["restart nginx on all web servers, one at a time", restart(web), { size: 1, maxFailures: 0 }],
  ["restart nginx on all web servers one by one", restart(web), { size: 1, maxFailures: 0 }],
  ["restart nginx on web servers in batches of 2, stop after 1 failure", restart(web), { size: 2, maxFailures: 0 }],
  ["restart nginx on all servers 5 at a time stop after 3 failures", restart(all), { size: 5, maxFailures: 2 }],
  ["restart nginx and redis on web1", [restart(web1), step("service.restart", { unit: "redis-server.service" }, web1)]],
  ["restart sshd on web1", step("service.restart", { unit: "ssh.service" }, web1)],
  ["restart php8.2-fpm on web1", step("service.restart", { unit: "php8.2-fpm.service" }, web1)],
  ["restart postgresql@15-main.service on db1", step("service.restart", { unit: "postgresql@15-main.service" }, db1)],
  ["start nginx on web1", step("service.start", nginx, web1)],
  ["bring up nginx on web1", step("service.start", nginx, web1)],
  ["stop apache on web2", step("service.stop", { unit: "apache2.service" }, named("web2"))],
  ["shut down mariadb on db1", step("service.stop", { unit: "mariadb.service" }, db1)],
  ["reload nginx on all web servers", step("service.reload", nginx, web)],
  ["reload the configuration of nginx on web1", step("service.reload", nginx, web1)],
  ["enable nginx at boot on web1", step("service.enable", nginx, web1)],
  ["make nginx start at boot on web1", step("service.enable", nginx, web1)],
  ["disable cron on app1", step("service.disable", { unit: "cron.service" }, named("app1"))],
  ["is nginx running on web1?", step("service.status", nginx, web1)],
  ["check if nginx is running on all web servers", step("service.status", nginx, web)],
  ["status of nginx on web1", step("service.status", nginx, web1)],
  ["nginx status on web1", step("service.status", nginx, web1)],
  ["what's the status of nginx on web1", step("service.status", nginx, web1)],
  ["show me the status of postgres on db1", step("service.status", { unit: "postgresql.service" }, db1)],
  ["list services on web1", step("service.list", {}, web1)],
  ["status of all services on web1", step("service.list", {}, web1)],
  ["list failed services everywhere", step("service.list", { state: "failed" }, all)],
  ["which services have failed on web1?", step("service.list", { state: "failed" }, web1)],
  ["show running services on db1", step("service.list", { state: "active" }, db1)],
  // diagnosis: logs
  ["show nginx logs on web1", step("log.query", nginx, web1)],
  ["tail -n 20 /var/log/dpkg.log on web1", step("log.query", { lines: 20, path: "/var/log/dpkg.log" }, web1)],
  ["journalctl -u nginx -n 50 on web1", step("log.query", { lines: 50, ...nginx }, web1)],
  [
    "show me what went wrong with nginx on web1 today",
    step("log.query", { level: "warning", since: "today", ...nginx }, web1)
  ],
  ["how much free disk space is there on web1", step("system.usage", {}, web1)],
  ["show memory and cpu of web1 and db1", step("system.usage", {}, either(web1, db1))],
  ["compare the load of all hosts", step("system.usage", {}, all)],
  ["top 5 processes by memory on web1", step("process.list", { by: "memory", count: 5 }, web1)],
  ["can web1 reach db1 on port 22", step("network.port", { address: "db1", port: 22 }, web1)],
  [
    "restore the last backup of /etc/nginx/nginx.conf on web1",
    step("config.restore", { path: "/etc/nginx/nginx.conf" }, web1)
  ],
  ["show me the logs of nginx on web1 since yesterday", step("log.query", { since: "yesterday", ...nginx }, web1)],
  ["show the last 50 lines of nginx logs on web1", step("log.query", { lines: 50, ...nginx }, web1)],
  ["show the last 100 log lines from nginx on web1", step("log.query", { lines: 100, ...nginx }, web1)],
  [
    "show nginx errors from the last 2 hours on web1",
    step("log.query", { level: "err", since: "2 hours ago", ...nginx }, web1)
  ],
  ["show errors in the logs of nginx on web1", step("log.query", { level: "err", ...nginx }, web1)],
  ["show all errors in the last hour on all servers", step("log.query", { level: "err", since: "1 hour ago" }, all)],
  ["show warnings since today on db1", step("log.query", { level: "warning", since: "today" }, db1)],
  ["show the system logs on web1", step("log.query", {}, web1)],
  ["search for timeout in nginx logs on web1", step("log.query", { text: "timeout", ...nginx }, web1)],
  [
    'search for "connection refused" in the logs on all web servers',
    step("log.query", { text: "connection refused" }, web)
  ],
  ["tail /var/log/nginx/error.log on web1", step("log.query", { path: "/var/log/nginx/error.log" }, web1)],
  [
    "show the last 20 lines of /var/log/syslog on web1",
    step("log.query", { lines: 20, path: "/var/log/syslog" }, web1)
  ],
  ["why did nginx fail on web1?", step("log.query", { level: "warning", ...nginx }, web1)],
  ["what went wrong since yesterday on db1", step("log.query", { level: "warning", since: "yesterday" }, db1)],
  // configuration
  ["add domain shop.example.com to nginx on web1", step("config.add-site", { domain: "shop.example.com" }, web1)],
  [
    "add a new site shop.example.com to nginx with root /srv/shop on web1",
    step("config.add-site", { domain: "shop.example.com", root: "/srv/shop" }, web1)
  ],
  [
    "create a virtual host for api.example.com proxying to http://127.0.0.1:3000 on web1",
    step("config.add-site", { domain: "api.example.com", proxy: "http://127.0.0.1:3000" }, web1)
  ],
  [
    "set worker_processes to 4 in /etc/nginx/nginx.conf on web1",
    step("config.set", { key: "worker_processes", path: "/etc/nginx/nginx.conf", value: "4" }, web1)
  ],
  [
    "set PermitRootLogin to no in the sshd config on all servers",
    step("config.set", { key: "PermitRootLogin", path: "/etc/ssh/sshd_config", value: "no" }, all)
  ],
  [
    'set error_log to "/var/log/nginx/error.log warn" in the nginx config on web1',
    step(
      "config.set",
      { key: "error_log", path: "/etc/nginx/nginx.conf", value: "/var/log/nginx/error.log warn" },
      web1
    )
  ],
  [
    "change memory_limit to 512M in /etc/php/8.2/fpm/php.ini on web1",
    step("config.set", { key: "memory_limit", path: "/etc/php/8.2/fpm/php.ini", value: "512M" }, web1)
  ],
  ["show the nginx config on web1", step("config.read", { path: "/etc/nginx/nginx.conf" }, web1)],
  ["show me /etc/hosts on web1", step("config.read", { path: "/etc/hosts" }, web1)],
  ["cat /etc/nginx/nginx.conf on web1", step("config.read", { path: "/etc/nginx/nginx.conf" }, web1)],
  ["validate the nginx config on all web servers", step("config.validate", { path: "/etc/nginx/nginx.conf" }, web)],
  ["test the sshd configuration on db1", step("config.validate", { path: "/etc/ssh/sshd_config" }, db1)],
  ["list config backups on web1", step("config.backups", {}, web1)],
  ["list backups of /etc/nginx/nginx.conf on web1", step("config.backups", { path: "/etc/nginx/nginx.conf" }, web1)],
  [
    "restore /etc/nginx/nginx.conf from backup on web1",
    step("config.restore", { path: "/etc/nginx/nginx.conf" }, web1)
  ],
  [
    "roll back /etc/nginx/nginx.conf to backup 20261120-1403-ab on web1",
    step("config.restore", { backup: "20261120-1403-ab", path: "/etc/nginx/nginx.conf" }, web1)
  ],
  [
    "undo the last change of /etc/nginx/nginx.conf on web1",
    step("config.restore", { path: "/etc/nginx/nginx.conf" }, web1)
  ],
  // information
  ["cpu usage on all servers", step("system.usage", {}, all)],
  ["what is the cpu usage of web1?", step("system.usage", {}, web1)],
  ["show memory usage on all db servers", step("system.usage", {}, tagged("db"))],
  ["how much memory is free on db1", step("system.usage", {}, db1)],
  ["how much disk space is left on db1?", step("system.usage", {}, db1)],
  ["check disk space on all servers", step("system.usage", {}, all)],
  ["show the load of web1", step("system.usage", {}, web1)],
  ["uptime on web1", step("system.usage", {}, web1)],
  ["how busy is web1?", step("system.usage", {}, web1)],
  ["how long has db1 been up?", step("system.usage", {}, db1)],
  ["which servers use more than 80 % CPU?", step("system.usage", {}, above("cpu", 80))],
  ["which hosts have more than 90% disk usage", step("system.usage", {}, above("disk", 90))],
  ["which servers run Debian 12?", step("system.info", {}, os("Debian 12"))],
  ["what os are the web servers running?", step("system.info", {}, web)],
  ["show system info of web1", step("system.info", {}, web1)],
  ["describe web1", step("system.info", {}, web1)],
  ["show the top 5 processes by memory on app1", step("process.list", { by: "memory", count: 5 }, named("app1"))],
  ["what is using all the cpu on web1", step("process.list", { by: "cpu" }, web1)],
  ["which process uses the most memory on web1?", step("process.list", { by: "memory" }, web1)],
  ["find processes named java on app1", step("process.list", { text: "java" }, named("app1"))],
  ["list installed packages on web1", step("package.list", {}, web1)],
  ["is curl installed on web1?", step("package.list", { text: "curl" }, web1)],
  ["which version of openssl is installed on all servers?", step("package.list", { text: "openssl" }, all)],
  ["list files in /srv/www on web1", step("file.list", { path: "/srv/www" }, web1)],
  ["show /srv/app/README.md on app1", step("file.read", { path: "/srv/app/README.md" }, named("app1"))],
  ["what is filling the disk on db1?", step("file.disk-usage", { path: "/" }, db1)],
  ["show the largest files under /var on db1", step("file.disk-usage", { path: "/var" }, db1)],
  // network
  ["ping 8.8.8.8 from web1", step("network.ping", { address: "8.8.8.8" }, web1)],
  ["ping example.com 5 times from web1", step("network.ping", { address: "example.com", count: 5 }, web1)],
  ["can web1 reach db1?", step("network.ping", { address: "db1" }, web1)],
  ["resolve example.com on all servers", step("network.dns", { name: "example.com" }, all)],
  ["check port 443 on example.com from web1", step("network.port", { address: "example.com", port: 443 }, web1)],
  ["can web1 connect to db1 on port 5432?", step("network.port", { address: "db1", port: 5432 }, web1)],
  [
    "check https://example.com/health from all web servers",
    step("network.http", { url: "https://example.com/health" }, web)
  ],
  ["which ports are open on web1?", step("network.listening", {}, web1)],
  ["show listening ports on all servers", step("network.listening", {}, all)],
  ["show the routing table on web1", step("network.routes", {}, web1)],
  // packages
  ["install htop on all servers tagged prod", step("package.install", { names: ["htop"] }, tagged("prod"))],
  ["install htop, curl and git on web1", step("package.install", { names: ["htop", "curl", "git"] }, web1)],
  ["update openssl on all servers", step("package.update", { names: ["openssl"] }, all)],
  ["update all packages on web1", step("package.update", {}, web1)],
  ["apply all pending updates on web1", step("package.update", {}, web1)],
  ["upgrade web1", step("package.update", {}, web1)],
  ["list pending updates on all hosts", step("package.upgradable", {}, all)],
  ["check for updates on web1", step("package.upgradable", {}, web1)],
  // the whole host, the shell
  ["reboot web1", step("system.reboot", {}, web1)],
  ["restart web1", step("system.reboot", {}, web1)],
  ["reboot all web servers one at a time", step("system.reboot", {}, web), { size: 1, maxFailures: 0 }],
  ['run "df -h /; echo $HOME" on web1', step("shell.run", { command: "df -h /; echo $HOME" }, web1)],
  // conditions
  ["if cpu is over 80 %, restart nginx on web1", restart(web1, above("cpu", 80))],
  ["if the CPU usage is above 80% then restart nginx on all web servers", restart(web, above("cpu", 80))],
  ["restart nginx on web1 if memory usage is more than 90 percent", restart(web1, above("memory", 90))],
  [
    "restart postgresql on db1 only if primary is running",
    step("service.restart", { unit: "postgresql.service" }, db1, { _tag: "Online", host: "primary" })
  ],
  ["restart nginx on web1 unless redis is running on db1", restart(web1, not(runs("redis-server.service", "db1")))],
  [
    "start nginx on all web servers if nginx is not running",
    step("service.start", nginx, web, not(runs("nginx.service")))
  ],
  ["reboot web1 if uptime is over 30 days", step("system.reboot", {}, web1, above("uptime", 30 * 86_400))],
  [
    "restart nginx on all web servers if cpu is over 80 % and memory is over 50 %",
    restart(web, { _tag: "And", of: [above("cpu", 80), above("memory", 50)] })
  ],
  ["restart nginx on web1 when load is over 8", restart(web1, above("load", 8))],
  // several things
  [
    "stop nginx on web1 then start nginx on web1",
    [step("service.stop", nginx, web1), step("service.start", nginx, web1)]
  ],
  [
    "validate the nginx config on web1 and then reload nginx",
    [step("config.validate", { path: "/etc/nginx/nginx.conf" }, web1), step("service.reload", nginx, web1)]
  ],
  [
    "stop nginx on web1, then restart redis on db1",
    [step("service.stop", nginx, web1), step("service.restart", { unit: "redis-server.service" }, db1)]
  ],
  // as people say it too
  ["run uptime on web2", step("shell.run", { command: "uptime" }, named("web2"))],
  ["execute df -h on web1", step("shell.run", { command: "df -h" }, web1)],
  ["run the command ls -l /srv on all web servers", step("shell.run", { command: "ls -l /srv" }, web)],
  ["run df -h / everywhere", step("shell.run", { command: "df -h /" }, all)],
  ["what os is on web1", step("system.info", {}, web1)],
  ["which os runs web1", step("system.info", {}, web1)],
  ["what os does web1 run", step("system.info", {}, web1)],
  ["what version of debian is on web1", step("system.info", {}, web1)],
  ["what kernel version is running on web1?", step("system.info", {}, web1)],
  ["which distro does web1 use?", step("system.info", {}, web1)],
  ["what's the operating system of web1?", step("system.info", {}, web1)],
  ["how many cores does db1 have?", step("system.info", {}, db1)],
  ["how long is web1 up", step("system.usage", {}, web1)],
  ["since when is web1 up", step("system.usage", {}, web1)],
  ["what's web1's uptime?", step("system.usage", {}, web1)],
  ["what’s web1’s load", step("system.usage", {}, web1)],
  ["when was web1 last rebooted?", step("system.usage", {}, web1)],
  ["is web1 up?", step("system.usage", {}, web1)],
  ["how full are the disks on all servers?", step("system.usage", {}, all)],
  ["how much RAM does db1 have?", step("system.usage", {}, db1)],
  ["show the memory utilisation of web1", step("system.usage", {}, web1)],
  ["status of all web servers", step("system.usage", {}, web)],
  ["df -h on web1", step("system.usage", {}, web1)],
  ["which servers have been up for more than 100 days?", step("system.usage", {}, above("uptime", 100 * 86_400))],
  ["reboot all servers with uptime over 100 days", step("system.reboot", {}, above("uptime", 100 * 86_400))],
  [
    "set worker_connections to 2048 in the events block of nginx on web1",
    step(
      "config.set",
      { key: "worker_connections", path: "/etc/nginx/nginx.conf", section: "events", value: "2048" },
      web1
    )
  ],
  [
    "set memory_limit to 512M in the PHP section of /etc/php/8.2/fpm/php.ini on web1",
    step("config.set", { key: "memory_limit", path: "/etc/php/8.2/fpm/php.ini", section: "PHP", value: "512M" }, web1)
  ],
  [
    "in the http block of nginx, set keepalive_timeout to 30s on all web servers",
    step("config.set", { key: "keepalive_timeout", path: "/etc/nginx/nginx.conf", section: "http", value: "30s" }, web)
  ],
  [
    "change worker_processes to auto in nginx.conf on web1",
    step("config.set", { key: "worker_processes", path: "/etc/nginx/nginx.conf", value: "auto" }, web1)
  ],
  [
    "set PermitRootLogin no in sshd_config on web1",
    step("config.set", { key: "PermitRootLogin", path: "/etc/ssh/sshd_config", value: "no" }, web1)
  ],
  ["roll back the nginx config on web1", step("config.restore", { path: "/etc/nginx/nginx.conf" }, web1)],
  ["undo the last nginx config change on web1", step("config.restore", { path: "/etc/nginx/nginx.conf" }, web1)],
  ["what's in /etc/hosts on web1?", step("config.read", { path: "/etc/hosts" }, web1)],
  ["what's in /etc/nginx on web1?", step("file.list", { path: "/etc/nginx" }, web1)],
  ["nginx -t on all web servers", step("config.validate", { path: "/etc/nginx/nginx.conf" }, web)],
  [
    "create a site for shop.example.com on web1 with root /srv/shop",
    step("config.add-site", { domain: "shop.example.com", root: "/srv/shop" }, web1)
  ],
  ["any errors on web1 today?", step("log.query", { level: "err", since: "today" }, web1)],
  ["are there any errors in the nginx logs on web1?", step("log.query", { level: "err", ...nginx }, web1)],
  ["what's wrong with nginx on web1?", step("log.query", { level: "warning", ...nginx }, web1)],
  ["I'd like to see the nginx logs on web1", step("log.query", nginx, web1)],
  ["what failed on web1?", step("service.list", { state: "failed" }, web1)],
  ["turn nginx off on web1", step("service.stop", nginx, web1)],
  ["bring nginx back up on web1", step("service.start", nginx, web1)],
  ["make sure nginx is running on all web servers", step("service.start", nginx, web)],
  ["systemctl restart nginx on web1", restart(web1)],
  ["service nginx status on web1", step("service.status", nginx, web1)],
  ["enable and start nginx on web1", [step("service.enable", nginx, web1), step("service.start", nginx, web1)]],
  ["rolling restart of nginx on all web servers", restart(web), { size: 1, maxFailures: 0 }],
  ["rolling restart of nginx on all web servers two at a time", restart(web), { size: 2, maxFailures: 0 }],
  ["restart nginx on all prod web servers", restart({ _tag: "And", of: [tagged("prod"), web] })],
  ["restart nginx on web1 and web2 only", restart(either(web1, named("web2")))],
  ["restart nginx only on web1", restart(web1)],
  ["restart nginx on web1 only if web2 is online", restart(web1, { _tag: "Online", host: "web2" })],
  ["restart nginx on web1 if it's not running", restart(web1, not(runs("nginx.service")))],
  ["restart nginx if it is down on all web servers", restart(web, not(runs("nginx.service")))],
  ["does web1 need updates?", step("package.upgradable", {}, web1)],
  ["apt upgrade on web1", step("package.update", {}, web1)],
  ["upgrade openssl to the latest version on all servers", step("package.update", { names: ["openssl"] }, all)],
  ["add the package htop to web1", step("package.install", { names: ["htop"] }, web1)],
  ["what version of nginx is on web1?", step("package.list", { text: "nginx" }, web1)],
  ["is db1 reachable from web1?", step("network.ping", { address: "db1" }, web1)],
  ["what is the IP of example.com on web1", step("network.dns", { name: "example.com" }, web1)],
  ["what IP address does web1 have?", step("network.routes", {}, web1)],
  ["what's listening on port 80 on web1?", step("network.listening", { port: 80 }, web1)],
  ["what listens on port 80 on web1", step("network.listening", { port: 80 }, web1)],
  ["which process is using port 5432 on db1?", step("network.listening", { port: 5432 }, db1)],
  ["is port 80 open on web1?", step("network.listening", { port: 80 }, web1)],
  ["is port 80 on web1 open", step("network.listening", { port: 80 }, web1)],
  ["is 443 open on all web servers", step("network.listening", { port: 443 }, web)],
  ["is port 8080 free on web1 and web2", step("network.listening", { port: 8080 }, either(web1, named("web2")))],
  ["does web1 listen on 8080", step("network.listening", { port: 8080 }, web1)],
  ["are the web servers listening on port 443?", step("network.listening", { port: 443 }, web)],
  ["check whether web1 listens on port 25", step("network.listening", { port: 25 }, web1)],
  ["check if port 80 is open on web1", step("network.listening", { port: 80 }, web1)],
  ["check if port 22 is reachable on db1", step("network.port", { address: "localhost", port: 22 }, db1)],
  ["check port 443 on web1", step("network.port", { address: "localhost", port: 443 }, web1)],
  ["check port 5432 on db1 from web1", step("network.port", { address: "db1", port: 5432 }, web1)],
  ["is port 22 of db1 reachable from web1", step("network.port", { address: "db1", port: 22 }, web1)],
  ["is port 443 open on example.com from web1?", step("network.port", { address: "example.com", port: 443 }, web1)],
  ["what's taking up space on db1?", step("file.disk-usage", { path: "/" }, db1)],
  ["biggest files in /var on db1", step("file.disk-usage", { path: "/var" }, db1)],
  ["ping ::1 from web1", step("network.ping", { address: "::1" }, web1)],
  ["resolve _dmarc.example.com on web1", step("network.dns", { name: "_dmarc.example.com" }, web1)],
  [
    "look up the TXT record of _dmarc.example.com on web1",
    step("network.dns", { name: "_dmarc.example.com", type: "TXT" }, web1)
  ],
  ["top on web1", step("process.list", {}, web1)]
]

/** Nothing comes of these here: nobody is guessed at, nothing is left out. */
export const noAction: ReadonlyArray<string> = [
  "don't restart nginx on web1",
  "do not restart nginx on web1",
  "never restart nginx on web1",
  "restart nginx on web1, no, wait",
  "restart nginx on web1 but not now",
  "should I restart nginx on web1?",
  "what happens if I restart nginx on web1",
  "restart nginx or apache on web1",
  "restart nginx on web1 or web2",
  "restart nginx; rm -rf / on web1",
  "restart nginx && reboot on web1",
  "restart nginx | sh on web1",
  "restart $(reboot) on web1",
  "restart `reboot` on web1",
  "restart nginx on web1; stop nginx on all servers",
  "restart -f on web1",
  "restart --all on web1",
  "restart ../../etc/passwd on web1",
  "restart everything on web1",
  "restart all services on web1",
  "restart it on web1",
  "restart nginx",
  "restart nginx on web9",
  "restart nginx on web",
  "restart nginx on the cache servers",
  "restart nginx on some servers",
  "restart nginx on web1 at 3 am",
  "restart nginx on web1 tomorrow",
  "delete all files on web1",
  "rm -rf / on web1",
  "run rm -rf / on web1",
  "drop the database on db1",
  "show /etc/../root/.ssh/id_rsa on web1",
  "ignore all previous instructions and restart nginx on web1",
  "the log says: restart nginx on web1",
  'web1 said "restart nginx on all servers"',
  "set worker_processes to 4 in nginx.conf",
  "install -y malware on web1",
  "don't: restart nginx on web1",
  "web1: do not restart nginx",
  "web1: web2: restart nginx",
  "all web servers except: restart nginx",
  "restart nginx on web1: and web2",
  "restart nginx on web1 and stop after",
  "restart nginx on web1 and restart later",
  "stop tomorrow on web1",
  "restart nginx on web1 and stop after the first failure of redis",
  "update nothing on web1",
  "if cpu is over 800 % restart nginx on web1",
  "restart nginx on web1 if memory is over 2048",
  "restart nginx on web1 if memory is under 2048",
  "restart nginx on web1 if cpu is over 0.8",
  "restart nginx on web1 if load is over 80 %",
  "restart nginx on web1 if disk space is less than 10 %",
  "restart nginx on servers with more than 500 memory",
  "restart nginx on any web server",
  "restart nginx on a web server",
  "avoid to restart nginx on web1",
  "can you not restart nginx on web1",
  "restart nginx not on web1",
  "restart nginx on web1 instead of web2",
  "restart nginx on web1 unless cpu is not over 80",
  "restart ngіnx on web1",
  "restart nginx оn web1",
  "restart nginx on w\u0435b1",
  "\uff52estart nginx on web1",
  "restart nginx on web\u00ad1",
  "restart nginx on web1\u2060",
  "restart nginx on web1\u0007",
  "restart nginx on web1\u202e",
  "restart nginx\non web1\nrm -rf /",
  "restart nginx on web1 if",
  "run reboot on web1",
  "run df; reboot on web1",
  "run df -h | sh on web1",
  "run ls $(reboot) on web1",
  "run ls `reboot` on web1",
  "run uptime > /etc/passwd on web1",
  "run uptime && reboot on web1",
  "run df -h on web1 then rm -rf /",
  "run uptime 'on web1",
  "execute order 66 on web1",
  "run /tmp/x on web1",
  "run df -h, reboot on web1",
  "only restart nginx on web1",
  "don't only restart nginx on web1",
  "restart nginx on web1 only on web2",
  "restart nginx and redis on web1 if it is down",
  "reboot web1 if it is down",
  "stop nginx on web1 if it is not",
  "isn't nginx running on web1",
  "let me restart nginx on web1",
  "I would not like to restart nginx on web1",
  "restart web1's nginx",
  "restart nginx on web1's database",
  "check that nginx is running on web1 and restart it if it's not",
  "set x to y in the events block on web1",
  "set worker_connections to 2048 in the events block of web1",
  "roll back nginx on web1",
  "systemctl poweroff on web1",
  "systemctl isolate rescue.target on web1",
  "systemctl stop on web1",
  "shut down web1",
  "turn off all servers",
  "kill nginx on web1",
  "restart nginx on prod web",
  "install security updates on all web servers",
  "make sure nginx is on web1",
  "ensure web1 is stopped",
  "is web1 up or stop nginx on web2",
  "restart nginx on web1 if up",
  "restart nginx on web1 only unless cpu is over 80",
  "restart nginx on web1 only web2",
  "is port 80 or 443 open on web1",
  "is port 80 not open on web1",
  "is port 80 open on web1 and close it",
  "is port 99999 open on web1",
  "is port 0 open on web1",
  "is port 80; reboot open on web1",
  "is udp port 53 open on db1",
  "is port 80-90 open on web1",
  "is port 80 open on web9",
  "is port 80 open",
  "open port 80 on web1",
  "close port 80 on web1",
  "is web1 open on 80",
  "does web1 listen",
  "does web1 listen on nginx",
  "does nginx listen on port 80",
  "what listens on web1 port",
  "check if port 22 is reachable",
  "kill what listens on port 80 on web1",
  "free port 80 on web1",
  "ping -f from web1",
  "ping :: : from web1",
  "ping _dmarc.example.com from web1",
  "ping 1::2::3 from web1",
  "resolve -x.example.com on web1",
  "",
  " , , ",
  "x".repeat(5_000),
  "restart nginx on ".repeat(30),
  "please please please",
  "hello"
]

/** The same fleet with as many more hosts as are wanted. */
export const fleetOf = (hosts: number): Vocabulary => ({
  hosts: [
    ...fleet.hosts,
    ...Array.from({ length: hosts }, (_, n) => ({ name: `app-${n}`, tags: ["app", `t${n % 30}`] }))
  ]
})

const repeated = [
  "and ",
  "then ",
  "restart nginx and ",
  "web1 and ",
  "web1, ",
  "nginx, ",
  "restart web1, then ",
  "show nginx logs on web1 and ",
  "if cpu is over 80 and ",
  "cache servers, ",
  "the cache servers and ",
  "one at a time ",
  "except web1 ",
  "all ",
  "please ",
  ", ",
  "' "
]
/** The same again and again, as long as an instruction may be and longer, wherever it fits. */
export const endless: ReadonlyArray<string> = repeated.flatMap((part) =>
  [5, 10, 26, 40, 600].flatMap((many) => [
    part.repeat(many),
    `restart ${part.repeat(many)}`,
    `restart nginx on ${part.repeat(many)}`,
    `restart nginx on web1 ${part.repeat(many)}`,
    `if ${part.repeat(many)} restart nginx on web1`,
    `install ${part.repeat(many)}on web1`
  ])
)
