/**
 * The moment this process begins to stop: streams that would never end by themselves end then.
 *
 * Invariant: built after the server and so released before it; the server then finds only requests that end soon.
 */
import { Context, Deferred, Effect, Exit, Layer } from "effect"

export class Draining extends Context.Service<Draining, Deferred.Deferred<void>>()("@signalbox/hub/edge/Draining") {
  static readonly layer: Layer.Layer<Draining> = Layer.effect(Draining, Deferred.make<void>())
}

export const drainOnShutdown: Layer.Layer<never, never, Draining> = Layer.effectDiscard(
  Effect.acquireRelease(Draining, (draining) => Deferred.done(draining, Exit.void))
)
