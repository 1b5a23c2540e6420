/** `signalbox servers`: short for `signalbox host list`. */
export { servers as command } from "./host.ts"
