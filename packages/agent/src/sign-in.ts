/**
 * How the agent shows the hub who it is: a nonce of the hub's, signed by the agent's key, for a token of a few minutes.
 *
 * Does not own: the key, the socket that the token opens.
 */
import type { KeyObject } from "node:crypto"
import { agentPaths, ChallengeAnswer, SessionAnswer, sessionText } from "@signalbox/core/agent/enrollment.ts"
import { conversing } from "./ask.ts"
import type { Target } from "./dial.ts"
import { signText } from "./identity.ts"

/** @returns the token */
export const signIn = (target: Target, agentId: string, key: KeyObject): Promise<string> =>
  conversing(target, async (ask) => {
    const { nonce } = await ask(agentPaths.challenge, { agentId }, ChallengeAnswer)
    const signature = signText(sessionText({ agentId, nonce }), key)
    return (await ask(agentPaths.session, { agentId, nonce, signature }, SessionAnswer)).token
  })
