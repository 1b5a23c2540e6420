/**
 * The table: one performer for every action of the catalogue.
 *
 * Owns: which function carries out which action. Does not own: any of them.
 * Invariants: the type leaves no name out; whatever a performer throws becomes an answer in words.
 */
import { addSite } from "./config/site.ts"
import { listBackups, readConfig, restoreConfig, setConfig, validateConfig, writeConfig } from "./config/perform.ts"
import { diskUsage, listFiles, readFileLines } from "./file/list.ts"
import { queryLogs } from "./log/query.ts"
import { dns } from "./network/dns.ts"
import { http } from "./network/http.ts"
import { ping } from "./network/ping.ts"
import { port } from "./network/port.ts"
import { listening, routes } from "./network/sockets.ts"
import { answering } from "./outcome.ts"
import { installPackages, listPackages, updatePackages, upgradablePackages } from "./package/apt.ts"
import type { Performers } from "./Performer.ts"
import { listProcesses } from "./process/list.ts"
import { signalProcess } from "./process/signal.ts"
import {
  disableService,
  enableService,
  reloadService,
  restartService,
  startService,
  stopService
} from "./service/acts.ts"
import { listServices, serviceStatus } from "./service/reads.ts"
import { runShell } from "./shell.ts"
import type { Surroundings } from "./Surroundings.ts"
import { systemInfo } from "./system/info.ts"
import { reboot } from "./system/reboot.ts"
import { systemUsage } from "./system/usage.ts"

export const performersFor = (surroundings: Surroundings): Performers => {
  const own = { ...surroundings, ownPaths: [...surroundings.ownPaths, surroundings.stateDirectory] }
  return {
    "service.status": answering(serviceStatus),
    "service.list": answering(listServices),
    "service.start": answering(startService),
    "service.stop": answering(stopService),
    "service.restart": answering(restartService),
    "service.reload": answering(reloadService),
    "service.enable": answering(enableService),
    "service.disable": answering(disableService),
    "config.read": answering(readConfig(own)),
    "config.validate": answering(validateConfig(own)),
    "config.write": answering(writeConfig(own)),
    "config.set": answering(setConfig(own)),
    "config.add-site": answering(addSite(own)),
    "config.backups": answering(listBackups(own)),
    "config.restore": answering(restoreConfig(own)),
    "log.query": answering(queryLogs(own)),
    "system.info": answering(systemInfo),
    "system.usage": answering(systemUsage),
    "system.reboot": answering(reboot(own)),
    "process.list": answering(listProcesses),
    "process.signal": answering(signalProcess),
    "network.ping": answering(ping),
    "network.dns": answering(dns),
    "network.port": answering(port),
    "network.http": answering(http),
    "network.listening": answering(listening),
    "network.routes": answering(routes),
    "package.list": answering(listPackages),
    "package.upgradable": answering(upgradablePackages),
    "package.install": answering(installPackages),
    "package.update": answering(updatePackages),
    "file.list": answering(listFiles(own)),
    "file.read": answering(readFileLines(own)),
    "file.disk-usage": answering(diskUsage(own)),
    "shell.run": answering(runShell)
  }
}
