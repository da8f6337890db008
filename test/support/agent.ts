import { dial, type ConnectOptions, connect, type Recorder } from './socket.js';

/** Connects an agent, and waits until it is ready. */
export async function connectAgent(
  url: string,
  auth: Record<string, unknown>,
  options: ConnectOptions = {},
): Promise<Recorder> {
  return connect(`${url}/agents`, auth, options);
}

/** Begins to connect an agent and does not wait. */
export function dialAgent(url: string, auth: Record<string, unknown>): Recorder {
  return dial(`${url}/agents`, auth);
}

/** What an agent was told of a session so far: the messages of each `inbox`. */
export function toldOf(agent: Recorder, sessionId: string): any[][] {
  return agent
    .events('inbox')
    .filter(({ session }) => session.agent_session_id === sessionId)
    .map(({ messages }) => messages);
}
