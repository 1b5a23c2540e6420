export declare const load: (options: {
  readonly callers: number
  readonly seconds: number
  readonly one: (n: number, stream: string, version: number) => Promise<unknown>
}) => Promise<void>
export declare const payload: (n: number) => {
  readonly taskId: string
  readonly status: string
  readonly report: { readonly sessionId: string; readonly inputTokens: number; readonly answer: string }
}
