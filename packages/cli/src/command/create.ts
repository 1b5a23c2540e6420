/** `signalbox create`: short for `signalbox task create`. */
export { create as command } from "./task.ts"
